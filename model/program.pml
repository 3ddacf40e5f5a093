/* SPDX-License-Identifier: MIT
 *
 * The program and the machine's other parties: CPU touches, evictions, discards, munmap and mmap; how it begins and ends; what must come about.
 */

#if TOUCHES > 0
/* A CPU thread: touches pages; where one is absent it sleeps until its fault has been served. The service works here while it sleeps. */
proctype Cpu()
{
    byte held, i, j, k, got, ev, hit, zapped, waited, needed, staged[PAGES], placed[PAGES], page, answer, todo = TOUCHES;
    do
    :: todo > 0 ->
        todo--;
        if
        :: page = 0
        :: PAGES > 1 -> page = 1
        fi;
        do
        :: d_step {
                answer = 0;
                if
                :: cpu[page] != 0 -> touch(page, cpu[page]); answer = 1
                :: map[page] == 0 -> answer = 1 /* a signal */
                :: else -> asleep = page + 1
                fi
            }
            if
            :: answer == 1 -> break
            :: else
            fi;
            do /* the service */
            :: d_step {
                    UNDER(STATE);
                    if
                    :: closing[page] -> answer = 1
                    :: !closing[page] && claim[page] != 0 ->
#ifndef BREAK_MARK_NOT_LEFT
                        mark[page] = 1;
#endif
                        answer = 2
                    :: else -> answer = 3
                    fi
                }
                if
                :: answer != 3 -> break
                :: answer == 3 && dev[page] != 0 -> goHome(page)
                :: else -> populate(page)
                fi;
                if
                :: got -> answer = 1; got = 0; break
                :: else
                fi
            od;
            if
            :: answer == 1 -> d_step { WAKE(page) }
            :: else -> asleep == 0 /* busy: the claim's end wakes it (R-11) */
            fi
        od;
        page = 0
    :: else -> break
    od
}
#endif

#if EVICTIONS > 0
/* An eviction: brings device pages home, whoever uses them. */
proctype Evictor()
{
    byte held, i, j, k, got, ev, hit, zapped, waited, needed, staged[PAGES], placed[PAGES], page, todo = EVICTIONS;
    do
    :: todo > 0 && dev[0] != 0 -> todo--; page = 0; goHome(page); got = 0
    :: todo > 0 && PAGES > 1 && dev[PAGES - 1] != 0 -> todo--; page = PAGES - 1; goHome(page); got = 0
    :: true -> break
    od
}
#endif

#ifdef PREFETCHES
/* A prefetch: moves what is bound already, which no fault does. */
proctype Prefetcher()
{
    byte held, i, j, k, q, got, ev, hit, zapped, waited, needed, staged[PAGES], placed[PAGES];
    atomic { UNDER(VM); !writer -> readers++; held = held + VM }
    toDevice(EVERY);
    atomic { readers--; held = held - VM }
}
#endif

/* Contents or mappings go: in the gate the pages are forgotten, claimed ones marked. What they lay in is released when devices have lost it. */
inline drop(pages, isUnmap)
{
    d_step {
        UNDER(STATE);
        q = 0;
        do
        :: q < PAGES ->
            if
            :: HAS(pages, q) ->
                unsettled[q] = 1;
                staged[q] = cpu[q];
                cpu[q] = 0;
                if
                :: claim[q] != 0 -> dropped[q] = 1
                :: else -> placed[q] = dev[q]; dev[q] = 0
                fi;
                home[q] = 0;
                truth[q] = 0;
                if :: isUnmap -> map[q] = 0 :: else fi
            :: else
            fi;
            q++
        :: else -> q = 0; break
        od
    }
}

/* What follows when the gate has closed. */
inline settle(pages, isUnmap)
{
#ifdef BREAK_GATE_RELEASES_FIRST
    releaseAll();
#endif
    start(pages, isUnmap);
    finish(pages);
    d_step {
        do
        :: q < PAGES -> if :: HAS(pages, q) -> unsettled[q] = 0 :: else fi; q++
        :: else -> q = 0; break
        od
    }
    checkGone(pages);
    finishEvent();
#ifndef BREAK_GATE_RELEASES_FIRST
    releaseAll()
#endif
}

/* Gives the frames of forgotten pages back. */
inline releaseAll()
{
    do
    :: q < PAGES -> free(staged[q]); free(placed[q]); q++
    :: else -> q = 0; break
    od
}

#if DISCARDS > 0
/* The program gives contents up. */
proctype Discarder()
{
    byte held, i, j, k, q, ev, hit, zapped, waited, needed, staged[PAGES], placed[PAGES], todo = DISCARDS;
    do
    :: todo > 0 -> todo--; drop(1, false); settle(1, false)
    :: else -> break
    od
}
#endif

#if UNMAPS > 0
/* The program unmaps the last page; then, as it is told, the first, and it maps the last anew. */
proctype Unmapper()
{
    byte held, i, j, k, q, ev, hit, zapped, waited, needed, staged[PAGES], placed[PAGES];
    drop(ONE(PAGES - 1), true);
    settle(ONE(PAGES - 1), true);
#if UNMAPS > 1
    drop(1, true);
    settle(1, true);
#endif
#ifdef REMAPS
    map[PAGES - 1] = 2
#endif
}
#endif

#ifdef FREES
/* The library frees an allocation: closes it to claims, waits for those that are held, has devices lose it, forgets it, and only then the memory goes. */
proctype Freer()
{
    byte held, i, j, k, q, ev, hit, zapped, waited, needed, staged[PAGES], placed[PAGES];
    d_step { UNDER(HOST); closing[0] = 1 }
    claim[0] == 0;
    start(1, true);
    finish(1);
    checkGone(1);
    d_step {
        UNDER(STATE);
        if :: home[0] == dev[0] -> home[0] = 0; truth[0] = 0 :: else fi;
        if
        :: claim[0] != 0 -> dropped[0] = 1 /* an eviction may claim what is being closed */
        :: else -> placed[0] = dev[0]; dev[0] = 0
        fi
    }
    finishEvent();
    free(placed[0]);
    d_step { staged[0] = cpu[0]; cpu[0] = 0; home[0] = 0; truth[0] = 0; map[0] = 0 }
    free(staged[0]);
    d_step { closing[0] = 0 }
}
#endif

init
{
    short i, k, found;
    atomic {
        do
        :: i < PAGES -> map[i] = 1; i++
        :: else -> i = 0; break
        od;
#if COLLECTORS
        run Collector(); /* the first: processes end in the opposite order, and this one does not */
#endif
        do
        :: i < UNITS -> run Unit(i); i++
        :: else -> i = 0; break
        od;
#if TOUCHES > 0
        run Cpu();
#endif
#ifdef PREFETCHES
        run Prefetcher();
#endif
#if EVICTIONS > 0
        run Evictor();
#endif
#if DISCARDS > 0
        run Discarder();
#endif
#if UNMAPS > 0
        run Unmapper();
#endif
#ifdef FREES
        run Freer();
#endif
    }
    /* Everybody is done: nothing is left over. */
    _nr_pr == 1 + COLLECTORS && queue == 0 && !writer ->
    d_step {
        assert(running == 0 && seq % 2 == 0 && nl == 0 && readers == 0 && asleep == 0); /* INV-24, INV-27 */
        do
        :: i < PAGES ->
            assert(claim[i] == 0 && !mark[i] && !dropped[i] && !unsettled[i]);
            assert(home[i] == (dev[i] != 0 -> dev[i] : cpu[i]));
            assert(pte[i] == 0 || pte[i] == home[i]);
            assert(home[i] == 0 && truth[i] == 0 || val[home[i]] == truth[i]); /* INV-33 */
            if :: home[i] != 0 -> assert(used[home[i]]); found++ :: else fi;
            i++
        :: else -> i = 0; break
        od;
        do
        :: k < FRAMES + 1 -> if :: used[k] -> found-- :: else fi; k++
        :: else -> break
        od;
        assert(found == 0) /* no frame is lost (INV-29, INV-30) */
    }
}
#ifdef PROGRESS
/* What must come about, if every party that can go on does so at last. */
ltl invalidations_end { [](running != 0 -> <>(running == 0)) }
ltl faults_are_answered { [](faulting[0] -> <>!faulting[0]) }
ltl cpu_threads_wake { [](asleep != 0 -> <>(asleep == 0)) }
ltl the_queue_empties { [](queue != 0 -> <>(queue == 0)) }
#endif
