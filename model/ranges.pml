/* SPDX-License-Identifier: MIT
 *
 * The window's ranges, and the collector: it removes ranges whose memory is gone, and makes smaller ones of what is left of others.
 */

#ifdef BREAK_INSERTED_WITHOUT_LOOKING_AGAIN
#define WAS_UNMAPPED false
#else
#define WAS_UNMAPPED (unmaps != before)
#endif

/* Finds the range of a page, or makes one. r: the range, or RANGES if the pass is over with status. */
inline find(page)
{
    r = RANGES;
    d_step { UNDER(NOTIFIER); before = unmaps }
    d_step {
        UNDER(HOST);
        if
        :: !FOUND(page) -> status = REFUSED
        :: else ->
            chunk = EVERY; /* the largest chunk that lies in one mapping */
            k = 0;
            do
            :: k < PAGES -> if :: !FOUND(k) || map[k] != map[page] -> chunk = ONE(page) :: else fi; k++
            :: else -> k = 0; break
            od
        fi
    }
    if
    :: status == RETRY ->
        atomic {
            UNDER(NOTIFIER);
            nl == 0 ->
            lookup(page);
            if
            :: r < RANGES -> if :: rg[r].unmapped -> r = RANGES; hit = 1 :: else fi
            :: else
            fi
        }
        if
        :: r == RANGES && !hit -> /* none: a new one, unless there was an unmap meanwhile */
            atomic {
                UNDER(NOTIFIER);
                nl == 0 ->
                lookup(page);
                if
                :: r < RANGES || WAS_UNMAPPED -> r = RANGES /* another has made one: start over */
                :: else -> newRange(chunk); rg[r].inTree = 1
                fi
            }
        :: else
        fi;
        hit = 0
    :: else
    fi
}

/* The range in the tree that covers a page; RANGES if there is none. The chunk is narrowed where a neighbour is in the way. Part of an atomic step. */
inline lookup(page)
{
    r = RANGES;
    k = 0;
    do
    :: k < RANGES ->
        if
        :: rg[k].inTree && HAS(rg[k].cover, page) -> r = k
        :: rg[k].inTree && !HAS(rg[k].cover, page) && (rg[k].cover & chunk) != 0 -> chunk = ONE(page)
        :: else
        fi;
        k++
    :: else -> k = 0; break
    od
}

/* Takes a range that is nobody's. Part of an atomic step. */
inline newRange(pages)
{
    r = 0;
    do
    :: rg[r].inTree || rg[r].cover != 0 -> r++; assert(r < RANGES)
    :: else -> break
    od;
    rg[r].cover = pages
}

/* Gives a range back that nobody uses: it is no longer in the tree, and has no mapping (INV-20). Part of an atomic step. */
inline endRange(x)
{
    assert(!rg[x].inTree && !rg[x].mapped && !rg[x].bound);
    rg[x].cover = 0;
    rg[x].unmapped = 0;
    rg[x].queued = 0;
    rg[x].lost = 0;
    rg[x].flush = 0
}

#if COLLECTORS
/* Removes or splits everything queued. */
inline collect()
{
    if
    :: queue != 0 ->
#ifdef BREAK_COLLECTED_WITHOUT_VM
        held = held + VM;
#else
        atomic { UNDER(VM); readers == 0 && !writer -> writer = 1; held = held + VM }
#endif
        do
        :: d_step { UNDER(QUEUE);
                x = 0;
                do
                :: x < RANGES && !HAS(queue, x) -> x++
                :: else -> break
                od;
                if :: x < RANGES -> queue = queue & ~ONE(x) :: else fi
            }
            if
            :: x == RANGES -> break
            :: else -> collectOne()
            fi
        od;
        x = 0;
        d_step { writer = 0; held = held - VM }
    :: else
    fi
}

/* Splits a range that has lost a part, or removes it. */
inline collectOne()
{
    assert(rg[x].inTree && rg[x].unmapped); /* what lives is not collected */
    do
    :: finish(rg[x].cover);
        d_step { nl == 0 -> lost = rg[x].lost } /* under the notifier lock, for read */
        if
        :: lost == rg[x].cover -> remove(); break
        :: else ->
            d_step { r = 0; newRange(rg[x].cover & ~lost) }
            atomic {
                UNDER(NOTIFIER);
                nl == 0 ->
                if
#ifdef BREAK_SPLIT_WITHOUT_LOOKING_AGAIN
                :: true ->
#else
                :: rg[x].lost == lost && !(rg[x].mapped && (rg[x].stale || rg[x].gone != rg[x].undone)) ->
#endif
                    replace();
                    endRange(x);
                    x = RANGES
                :: else -> rg[r].cover = 0 /* more is lost: the piece is made anew */
                fi;
                r = 0
            }
            if
            :: x == RANGES -> break
            :: else
            fi
        fi
    od;
    lost = 0
}

/* Puts the piece in the whole's place, and hands the whole's mapping over. Part of an atomic step under the notifier lock. */
inline replace()
{
    if
    :: rg[x].mapped ->
        rg[r].mapped = 1;
        rg[r].bound = rg[x].bound;
        do
        :: q < PAGES -> if :: HAS(rg[r].cover, q) -> rg[r].at[q] = rg[x].at[q] :: else fi; q++
        :: else -> q = 0; break
        od;
        rg[x].bound = 0;
        forget(x)
    :: else
    fi;
    rg[x].inTree = 0;
    rg[r].inTree = 1
}

/* Takes a range out of the page table, waits until no unit uses it, unmaps it, and takes it out of the tree. */
inline remove()
{
    atomic {
        LOCK_NL;
        if
        :: rg[x].bound -> zap(x, rg[x].cover); rg[x].bound = 0; flushes++; rg[x].flush = flushes
        :: else
        fi;
        rg[x].stale = rg[x].mapped;
        UNLOCK_NL
    }
    finish(rg[x].cover);
    atomic {
        UNDER(NOTIFIER);
        nl == 0 ->
        assert(rg[x].lost == rg[x].cover);
        rg[x].inTree = 0;
        endRange(x)
    }
}

/* Collects what events have queued, as whoever frees memory does. */
proctype Collector()
{
    byte held, i, j, k, q, r, hit, waited, needed, x, lost;
end: do
    :: queue != 0 -> collect()
    od
}
#else
#define collect() skip
#endif
