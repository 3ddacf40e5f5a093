/* SPDX-License-Identifier: MIT
 *
 * What the protocol's parties share: frames, page states, the notifier and its sequence, ranges with their pages, the device's page table and its units.
 * docs/model.md says which members of the code each of these stands for.
 */

/* Frames are numbers. 0 is none, 1 to RAMS are pages of RAM, those above are the device's. */
#define RAMS (PAGES + 3)
#define FRAMES (RAMS + DEVICES)
#define EVERY ((1 << PAGES) - 1)
#define HAS(set, page) (((set) >> (page)) & 1)
#define ONE(page) (1 << (page))

/* Ranks, outer to inner (docs/locks.md). A process's "held" is the sum of what it holds, so that "held < rank" says that nothing at or below the rank is. */
#define VM 1
#define RANGE 2
#define HOST 4
#define INVALIDATION 8 /* only waited for */
#define NOTIFIER 16
#define QUEUE 32
#define STATE 64 /* page states, and the event gate */

/* What a pass of the handler comes to. */
#define RETRY 0
#define DONE 1
#define REFUSED 2

#define UNDER(rank) assert(held < rank) /* the rank may be taken */

/* The host side. */
byte val[FRAMES + 1];  /* the bytes in a frame, as a number */
bit used[FRAMES + 1];  /* whether a frame is somebody's */
byte truth[PAGES];     /* what the program must find in a page; 0 is what was never written */
byte home[PAGES];      /* the frame that holds the page's bytes, wherever they are; 0: none yet */
byte map[PAGES];       /* the number of the page's mapping; 0: not mapped */
bit closing[PAGES];    /* no new claims: the mapping is being taken away */
byte cpu[PAGES];       /* the frame that the CPU's page table shows */
byte dev[PAGES];       /* the page's entry: the device frame it lies in */
byte claim[PAGES];     /* the page's entry: who has claimed it */
bit mark[PAGES];       /* the page's entry: somebody waits for the claim's end */
bit dropped[PAGES];    /* the page's entry: unmapped or discarded while it was claimed */
bit unsettled[PAGES];  /* a change has been read, and devices have not lost all of it yet (only for assertions) */
byte asleep;           /* the page that the CPU thread sleeps on, plus 1; 0: it does not */

/* The registry of notifiers, and the one notifier. */
byte running;           /* events under way */
byte seq = 2;          /* the address space's sequence: odd while something is under way */
byte nseq = 1;         /* the notifier's */
byte unmaps;           /* how many unmaps have hit the window */
bit nl;                /* the notifier lock */

/* Ranges, and their pages for the device. */
typedef Range {
    bit inTree;
    byte cover;        /* which pages it covers */
    bit locked;        /* the range's fault lock */
    bit unmapped;      /* final (INV-13) */
    bit queued;        /* it was queued, once */
    byte lost;         /* which pages the CPU has unmapped */
    bit mapped;        /* the pages object has device addresses */
    bit stale;         /* and they are not to be bound any more */
    byte gone;         /* the part of them that is lost */
    byte undone;       /* the part of that which is unmapped for the device */
    bit bound;         /* the page table shows them */
    byte flush;        /* the flush that must have passed before they are unmapped */
    byte at[PAGES];    /* the device addresses */
}
Range rg[RANGES];
byte queue;            /* ranges to collect, as a set */
byte readers;          /* who holds the VM for read */
bit writer;            /* who holds it for write */

/* The device. */
byte pte[PAGES];       /* the page table: a frame or 0 */
byte flushes;          /* flushes begun */
byte seen[UNITS];      /* the flushes a unit had seen when its access began */
bit inside[UNITS];     /* whether a unit is in an access */
byte using[UNITS];     /* the frame of its access */
byte tlb[UNITS * PAGES];
bit faulting[UNITS];   /* a unit waits for its fault */

#define FOUND(page) (map[page] != 0 && !(closing[page] SEES_CLOSING))
#ifdef BREAK_CLOSING_IS_SEEN
#define SEES_CLOSING && false
#else
#define SEES_CLOSING
#endif

/* A free frame between two numbers, 0 if there is none. Part of an atomic step. */
inline take(frame, first, last)
{
    frame = first;
    do
    :: frame <= last && used[frame] -> frame++
    :: frame > last -> frame = 0; break
    :: else -> used[frame] = 1; val[frame] = 0; break
    od
}
#define TAKE_RAM(frame) take(frame, 1, RAMS); assert(frame != 0)
#define TAKE_DEVICE(frame) take(frame, RAMS + 1, FRAMES)

/* Gives a frame back: no page table shows it, no unit is in an access to it, no page lives in it (INV-12, INV-32). */
inline free(frame)
{
    d_step {
        if
        :: frame != 0 ->
            assert(used[frame]);
            k = 0;
            do
            :: k < PAGES -> assert(pte[k] != frame && cpu[k] != frame && home[k] != frame); k++
            :: else -> break
            od;
            k = 0;
            do
            :: k < UNITS -> assert(!(inside[k] && using[k] == frame)); k++
            :: else -> break
            od;
            used[frame] = 0;
            val[frame] = 0;
            frame = 0
        :: else
        fi;
        k = 0
    }
}

/* Wakes the CPU thread if it sleeps on a page. Part of an atomic step. */
#define WAKE(page) if :: asleep == (page) + 1 -> asleep = 0 :: else fi

/* One access to a page through a frame: what is there must be what was written last, and it is written anew. Part of an atomic step. */
inline touch(page, frame)
{
    assert(used[frame]);
    if
    :: home[page] == frame ->
        assert(val[frame] == truth[page]); /* INV-33 */
        val[frame] = val[frame] % 3 + 1;
        truth[page] = val[frame]
    :: else -> assert(unsettled[page])
    fi
}

#define LOCK_NL UNDER(NOTIFIER); nl == 0 -> nl = 1; held = held + NOTIFIER
#define UNLOCK_NL nl = 0; held = held - NOTIFIER
