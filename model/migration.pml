/* SPDX-License-Identifier: MIT
 *
 * Pages on their way: claims, marks, copies, settling. Uses of the caller: held, i, j, k, q, got, woken, staged[], placed[], and those of an event.
 */

#ifdef BREAK_CLAIM_NOT_RESPECTED
#define FREE_TO_CLAIM(page) true
#else
#define FREE_TO_CLAIM(page) (claim[page] == 0)
#endif

/* Ends the claims of pages. What they become is said before, in home and dev; a dropped page becomes nothing. Part of an atomic step that holds the page states. */
inline unclaim(page)
{
#ifndef BREAK_CLAIM_NOT_RESPECTED
    assert(claim[page] == _pid);
#endif
    claim[page] = 0;
#ifndef BREAK_NOT_WOKEN
    if :: mark[page] -> WAKE(page) :: else fi;
#endif
    mark[page] = 0;
    dropped[page] = 0
}

/* Fills in a page that the host answers for, and that is absent. got: whether the claim was had. */
inline populate(page)
{
    d_step {
        UNDER(STATE);
        got = FREE_TO_CLAIM(page) && dev[page] == 0 && !closing[page] && map[page] != 0;
        if :: got -> claim[page] = _pid :: else fi
    }
    if
    :: got ->
        d_step {
            if
            :: !dropped[page] && map[page] != 0 && cpu[page] == 0 ->
                TAKE_RAM(cpu[page]);
                home[page] = cpu[page];
                WAKE(page)
            :: else
            fi
        }
        d_step { UNDER(STATE); unclaim(page) }
    :: else
    fi
}

/* Brings a page home from the device: for a CPU touch, or an eviction. got: whether the claim was had. */
inline goHome(page)
{
    d_step {
        UNDER(STATE);
        got = FREE_TO_CLAIM(page) && dev[page] != 0;
        if
        :: got -> claim[page] = _pid; placed[0] = dev[page]; TAKE_RAM(staged[0])
        :: else
        fi
    }
    if
    :: got ->
#ifndef BREAK_HOME_WITHOUT_EVENT
        invalidate(ONE(page), false);
        finishEvent();
#endif
#ifndef BREAK_SETTLED_BEFORE_COPIED
        d_step { val[staged[0]] = val[placed[0]] }
#endif
#ifdef BREAK_FRAME_RELEASED_EARLY
        used[placed[0]] = 0;
#endif
        d_step { /* attach, in the gate: what is looked up cannot change before the page stands where it was seen */
            UNDER(STATE);
            if
#ifdef BREAK_DROPPED_IS_FORGOTTEN
            :: true ->
#else
            :: !dropped[page] && map[page] != 0 ->
#endif
                cpu[page] = staged[0];
                home[page] = staged[0];
                staged[0] = 0;
                WAKE(page)
            :: else
            fi
        }
        d_step { UNDER(STATE); dev[page] = 0; unclaim(page) }
#ifdef BREAK_SETTLED_BEFORE_COPIED
        d_step { if :: cpu[page] != 0 -> val[cpu[page]] = val[placed[0]] :: else fi }
#endif
        free(placed[0]);
        free(staged[0])
    :: else
    fi
}

/* Moves pages of RAM, and pages that are nowhere yet, to the device. */
inline toDevice(pages)
{
    d_step {
        UNDER(STATE);
        got = 0;
        q = 0;
        do
        :: q < PAGES ->
            if
            :: HAS(pages, q) && FOUND(q) && dev[q] == 0 && FREE_TO_CLAIM(q) ->
                TAKE_DEVICE(placed[q]);
                if
                :: placed[q] != 0 -> claim[q] = _pid; got = got | ONE(q)
                :: else
                fi
            :: else
            fi;
            q++
        :: else -> q = 0; break
        od
    }
    if
    :: got != 0 ->
#if defined(BREAK_DETACHED_BEFORE_EVENT) || defined(BREAK_COPIED_BEFORE_EVENT)
        detach();
#endif
#ifdef BREAK_COPIED_BEFORE_EVENT
        atomic { copyAll() }
#endif
        invalidate(got, false);
#if !defined(BREAK_DETACHED_BEFORE_EVENT) && !defined(BREAK_COPIED_BEFORE_EVENT)
        detach();
#endif
        finishEvent();
        if
        :: d_step { /* the copy */
#if !defined(BREAK_DEVICE_SETTLED_BEFORE_COPIED) && !defined(BREAK_COPIED_BEFORE_EVENT)
                copyAll();
#endif
                skip
            }
            d_step {
                UNDER(STATE);
                q = 0;
                do
                :: q < PAGES ->
                    if
                    :: HAS(got, q) ->
                        if
                        :: !dropped[q] -> dev[q] = placed[q]; home[q] = placed[q]; placed[q] = 0
                        :: else
                        fi;
                        unclaim(q)
                    :: else
                    fi;
                    q++
                :: else -> q = 0; break
                od
            }
#ifdef BREAK_DEVICE_SETTLED_BEFORE_COPIED
            atomic { copyAll() }
#endif
        :: atomic { /* the copy fails: everything goes back where it was (R-18) */
                UNDER(STATE);
                q = 0;
                do
                :: q < PAGES ->
                    if
                    :: HAS(got, q) && staged[q] != 0 && !dropped[q] && map[q] != 0 ->
#ifndef BREAK_ABORT_FORGETS
                        cpu[q] = staged[q];
#endif
                        staged[q] = 0;
                        WAKE(q)
                    :: else
                    fi;
                    q++
                :: else -> q = 0; break
                od
            }
            d_step {
                UNDER(STATE);
                do
                :: q < PAGES -> if :: HAS(got, q) -> unclaim(q) :: else fi; q++
                :: else -> q = 0; break
                od
            }
        fi;
        got = 0;
        do
        :: q < PAGES ->
            free(staged[q]);
            free(placed[q]); /* of what has not arrived */
            q++
        :: else -> q = 0; break
        od
    :: else
    fi
}

/* Takes claimed pages away from the CPU: their frames are the migration's until it ends. */
inline detach()
{
    d_step {
        UNDER(NOTIFIER);
        do
        :: q < PAGES ->
            if
            :: HAS(got, q) -> staged[q] = cpu[q]; cpu[q] = 0
            :: else
            fi;
            q++
        :: else -> q = 0; break
        od
    }
}

/* Copies detached pages to the device; those that were nowhere are zeroes there. Part of an atomic step. */
inline copyAll()
{
    do
    :: q < PAGES ->
        if
        :: HAS(got, q) && staged[q] != 0 -> val[(placed[q] != 0 -> placed[q] : dev[q])] = val[staged[q]]
        :: else
        fi;
        q++
    :: else -> q = 0; break
    od
}
