/* SPDX-License-Identifier: MIT
 *
 * An event: the registry, the notifier, the two passes of the invalidator. Uses of the caller: held, i, j, k, ev, hit, zapped, waited, needed.
 */

/* Waits until no unit can still use a translation from before a flush. */
inline waitFlush(number)
{
    UNDER(NOTIFIER);
#ifndef BREAK_FLUSH_NOT_WAITED
    i = 0;
    do
    :: i < UNITS -> (!inside[i] || seen[i] >= number); i++
    :: else -> i = 0; break
    od
#endif
}

/* Clears a range's entries, all or of a part. Part of an atomic step under the notifier lock. */
inline zap(r, part)
{
    j = 0;
    do
    :: j < PAGES -> if :: HAS(part, j) -> pte[j] = 0 :: else fi; j++
    :: else -> j = 0; break
    od
}

/* The first pass, for the events that begin here: all notifiers start, zap and begin the flush. */
inline start(pages, isUnmap)
{
    UNDER(NOTIFIER);
    d_step {
        running++;
        if :: seq % 2 == 0 -> seq++ :: else fi;
        ev = seq
    }
    atomic {
        LOCK_NL;
#ifndef BREAK_SEQUENCE_AFTER_TEARDOWN
        nseq = ev;
#endif
        if :: isUnmap -> unmaps++ :: else fi
    }
#ifdef BREAK_FLUSH_BEFORE_ZAP
    flushes++;
#endif
    d_step {
        zapped = 0;
        k = 0;
        do
        :: k < RANGES ->
            hit = rg[k].cover & (pages);
            if
            :: rg[k].inTree && hit != 0 && rg[k].bound ->
                zapped = 1;
                if
                :: isUnmap && hit != rg[k].cover -> zap(k, hit)
                :: else -> zap(k, rg[k].cover); rg[k].bound = 0
                fi
            :: else
            fi;
            k++
        :: else -> k = 0; hit = 0; break
        od
    }
#ifndef BREAK_FLUSH_BEFORE_ZAP
    if :: zapped -> flushes++ :: else fi;
#endif
    d_step {
        k = 0;
        do
        :: k < RANGES ->
            hit = rg[k].cover & (pages);
            if
            :: rg[k].inTree && hit != 0 ->
                if :: zapped -> rg[k].flush = flushes :: else fi;
                if
                :: isUnmap && hit != rg[k].cover ->
                    if :: rg[k].mapped && !rg[k].stale -> rg[k].gone = rg[k].gone | hit :: else fi
                :: else ->
#ifndef BREAK_STALE_NOT_SET
                    rg[k].stale = rg[k].mapped
#else
                    skip
#endif
                fi;
                if
                :: isUnmap ->
                    rg[k].unmapped = 1;
                    rg[k].lost = rg[k].lost | hit;
                    UNDER(QUEUE);
#ifndef BREAK_NOT_QUEUED
                    if
                    :: !rg[k].queued -> rg[k].queued = 1; queue = queue | ONE(k)
                    :: else
                    fi
#endif
                :: else
                fi
            :: else
            fi;
            k++
        :: else -> k = 0; hit = 0; zapped = 0; break
        od;
        UNLOCK_NL
    }
#ifdef BREAK_SEQUENCE_AFTER_TEARDOWN
    nseq = ev;
#endif
    ev = 0
}

/* The second pass: waits for the flushes with nothing held, and unmaps what is stale. */
inline finish(pages)
{
    waited = 0;
    do
    :: atomic { LOCK_NL }
        d_step {
            needed = 0;
            k = 0;
            do
            :: k < RANGES ->
                if
                :: rg[k].inTree && (rg[k].cover & (pages)) != 0 && rg[k].mapped && (rg[k].stale || rg[k].gone != rg[k].undone) ->
                    if
                    :: rg[k].flush > waited -> if :: rg[k].flush > needed -> needed = rg[k].flush :: else fi
                    :: else ->
                        if
                        :: rg[k].stale -> forget(k)
                        :: else -> rg[k].undone = rg[k].gone
                        fi
                    fi
                :: else
                fi;
                k++
            :: else -> k = 0; break
            od;
            UNLOCK_NL
        }
        if
        :: needed == 0 -> break
        :: else -> waitFlush(needed); waited = needed
        fi
    od;
    waited = 0
}

/* Undoes a mapping: the flags and addresses go. Part of an atomic step under the notifier lock. */
inline forget(r)
{
    rg[r].mapped = 0;
    rg[r].stale = 0;
    rg[r].gone = 0;
    rg[r].undone = 0;
    j = 0;
    do
    :: j < PAGES -> rg[r].at[j] = 0; j++
    :: else -> j = 0; break
    od
}

/* An invalidation has returned: nothing of the pages is mapped, no entry stands, and no unit is in an access to them (INV-12). */
inline checkGone(pages)
{
    d_step {
        k = 0;
        do
        :: k < PAGES ->
            if
            :: HAS(pages, k) ->
                assert(pte[k] == 0);
                i = 0;
                do
                :: i < UNITS -> assert(!(inside[i] && using[i] != 0 && using[i] == home[k])); i++
                :: else -> i = 0; break
                od;
                i = 0;
                do
                :: i < RANGES -> assert(!(rg[i].inTree && HAS(rg[i].cover, k) && rg[i].mapped && !HAS(rg[i].undone, k))); i++
                :: else -> i = 0; break
                od
            :: else
            fi;
            k++
        :: else -> k = 0; break
        od
    }
}

/* Begins an event: when this is over every device has lost the pages. */
inline invalidate(pages, isUnmap)
{
    start(pages, isUnmap);
    finish(pages);
    checkGone(pages)
}

/* Ends an event. */
inline finishEvent()
{
    d_step {
        running--;
#ifndef BREAK_END_NOT_COUNTED
        if :: running == 0 && seq % 2 == 1 -> seq++ :: else fi
#endif
    }
}
