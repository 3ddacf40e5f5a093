/* SPDX-License-Identifier: MIT
 *
 * A unit's access, the fault it may end in, and the page-fault handler: find, migrate, get pages, bind, acknowledge.
 */

#ifdef BREAK_UNMAPPED_IS_NOT_FINAL
#define UNMAPPED_IS_FINAL(r) true
#else
#define UNMAPPED_IS_FINAL(r) !rg[r].unmapped
#endif

/* From the sequence to published mappings. status stays RETRY where the pass is over; got is 1 where bind may follow. */
inline getPages()
{
    got = 0;
    do
    :: d_step { UNDER(INVALIDATION); s = nseq; inEvent = (s == seq) }
#ifndef BREAK_READ_DOES_NOT_WAIT
        if
        :: inEvent -> (seq != s)
        :: else
        fi;
#endif
        inEvent = 0;
        atomic { /* what stands is refreshed */
            UNDER(NOTIFIER);
            nl == 0 ->
            got = rg[r].mapped && !rg[r].stale && rg[r].gone == 0
        }
        if
        :: got -> break
        :: else
        fi;
#ifdef BREAK_WALKED_UNDER_LOCK
        atomic { LOCK_NL }
        walk();
        d_step { UNLOCK_NL }
#else
        walk();
#endif
        if
        :: hole -> hole = 0; break
        :: else
        fi;
#ifdef BREAK_PUBLISHED_WITHOUT_LOCK
        got = (nseq == s && !rg[r].unmapped);
        d_step { if :: got -> publish() :: else fi }
#else
        atomic {
            UNDER(NOTIFIER);
            nl == 0 ->
#ifdef BREAK_SEQUENCE_NOT_COMPARED
            got = !rg[r].unmapped;
#else
            got = (nseq == s && UNMAPPED_IS_FINAL(r));
#endif
            if :: got -> publish() :: else fi
        }
#endif
        if
        :: got || rg[r].unmapped -> break
        :: else /* overtaken: start over */
        fi
    od;
    s = 0;
    clear()
}

/* Looks at every page of the range, and faults in what is absent. hole: one is not mapped. */
inline walk()
{
    q = 0;
    do
    :: q < PAGES && HAS(rg[r].cover, q) ->
        d_step {
            UNDER(HOST);
            hole = !FOUND(q);
            frames[q] = 0;
            if
            :: hole || claim[q] != 0 -> skip
            :: else -> frames[q] = (dev[q] != 0 -> dev[q] : cpu[q])
            fi
        }
        if
        :: hole -> break
        :: !hole && frames[q] != 0 -> q++
        :: !hole && frames[q] == 0 && claim[q] != 0 -> UNDER(INVALIDATION); claim[q] == 0 /* waits for the claim's end, then looks again */
        :: else -> populate(q); got = 0
        fi
    :: q < PAGES && !HAS(rg[r].cover, q) -> q++
    :: else -> break
    od;
    q = 0
}

/* Makes the mapping the range's. Part of an atomic step under the notifier lock. */
inline publish()
{
    assert(rg[r].inTree && !rg[r].unmapped); /* INV-13 */
    rg[r].mapped = 1;
    rg[r].stale = 0;
    rg[r].gone = 0;
    rg[r].undone = 0;
    do
    :: q < PAGES -> rg[r].at[q] = (HAS(rg[r].cover, q) -> frames[q] : 0); q++
    :: else -> q = 0; break
    od
}

/* Forgets what a walk has found. */
inline clear()
{
    d_step {
        do
        :: q < PAGES -> frames[q] = 0; q++
        :: else -> q = 0; break
        od
    }
}

/* Writes the entries, if the pages are still what they were. */
inline bind(page)
{
    atomic {
        UNDER(NOTIFIER);
        nl == 0 ->
#ifdef BREAK_BIND_WITHOUT_CHECK
        if
        :: true ->
#else
        if
        :: !rg[r].unmapped && rg[r].mapped && !rg[r].stale && rg[r].gone == 0 ->
#endif
            assert(rg[r].inTree && rg[r].mapped); /* INV-15 */
            do
            :: q < PAGES ->
                if
                :: HAS(rg[r].cover, q) ->
                    assert(rg[r].at[q] == home[q] || unsettled[q]); /* INV-16 */
                    pte[q] = rg[r].at[q]
                :: else
                fi;
                q++
            :: else -> q = 0; break
            od;
            rg[r].bound = 1;
            served = (pte[page] != 0);
            status = DONE
        :: else
        fi
    }
}

/* One pass of the handler. */
inline pass(page)
{
    find(page);
    if
    :: r < RANGES ->
        atomic { UNDER(RANGE); !rg[r].locked -> rg[r].locked = 1; held = held + RANGE }
        if
        :: rg[r].unmapped -> skip
        :: else ->
            atomic { /* is there nothing to do? */
                UNDER(NOTIFIER);
                nl == 0 ->
                if
                :: rg[r].bound -> served = (pte[page] != 0); status = DONE
                :: else
                fi
            }
            if
            :: status == RETRY ->
#if MIGRATIONS > 0
                if
                :: moves > 0 -> moves--; toDevice(rg[r].cover)
                :: true /* the policy leaves them where they are */
                fi;
#endif
                getPages();
                if
                :: got -> got = 0; bind(page)
                :: else
                fi
            :: else
            fi
        fi;
        d_step { rg[r].locked = 0; held = held - RANGE; r = 0; before = 0; chunk = 0 }
    :: else -> d_step { r = 0; before = 0; chunk = 0 }
    fi
}

/* Serves a fault, and acknowledges it with what became of it. */
inline serve(page)
{
    status = RETRY;
    served = 0;
    do
    :: status == RETRY ->
        collect();
        atomic { UNDER(VM); !writer -> readers++; held = held + VM }
        pass(page);
#ifdef BREAK_ACKNOWLEDGED_UNSERVED
        if :: status == RETRY && !served -> status = DONE :: else fi;
#endif
        d_step { readers--; held = held - VM }
    :: else -> break
    od;
    atomic {
        assert(held == 0); /* INV-24 */
        assert(status != DONE || served);
        faulting[me] = 0;
        served = 0
    }
}

/* A device unit: some accesses to any pages, each repeated until it has been made or was refused. */
proctype Unit(byte me)
{
    byte held, i, j, k, q, got, ev, hit, zapped, waited, needed, staged[PAGES], placed[PAGES];
    byte r, before, chunk, s, frames[PAGES], status, page, moves = MIGRATIONS, todo = ACCESSES;
#if COLLECTORS
    byte x, lost;
#endif
    bit inEvent, hole, served;
    do
    :: todo > 0 ->
        todo--;
        if
        :: page = 0
        :: PAGES > 1 -> page = 1
        fi;
        status = RETRY;
        do
        :: status != REFUSED ->
            d_step { /* what was cached before a flush is not used after it */
                inside[me] = 1;
                if
                :: seen[me] != flushes ->
                    k = 0;
                    do
                    :: k < PAGES -> tlb[me * PAGES + k] = 0; k++
                    :: else -> k = 0; break
                    od
                :: else
                fi;
                seen[me] = flushes
            }
            d_step {
                if :: tlb[me * PAGES + page] == 0 -> tlb[me * PAGES + page] = pte[page] :: else fi;
                using[me] = tlb[me * PAGES + page]
            }
            if
            :: using[me] != 0 ->
                d_step { touch(page, using[me]); using[me] = 0; inside[me] = 0 }
                break
            :: else ->
                d_step { inside[me] = 0; faulting[me] = 1 }
                serve(page)
            fi
        :: else -> break
        od;
        status = RETRY;
        page = 0
    :: else -> moves = 0; break
    od
}
