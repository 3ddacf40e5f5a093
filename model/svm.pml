/* SPDX-License-Identifier: MIT
 *
 * The protocol by which a program's memory is shared with a device, with small bounds, for spin. docs/model.md says what is checked and where the code is.
 * Bounds and parties are set by -D; each BREAK_ macro takes one step of the protocol out, and spin must find what that does.
 */
#ifndef PAGES
#define PAGES 1      /* pages of memory, 1 or 2 */
#endif
#ifndef DEVICES
#define DEVICES 1    /* device frames */
#endif
#ifndef UNITS
#define UNITS 1      /* device units, each with the thread that serves its faults */
#endif
#ifndef ACCESSES
#define ACCESSES 2   /* accesses of a unit */
#endif
#ifndef TOUCHES
#define TOUCHES 0    /* accesses of the CPU thread */
#endif
#ifndef EVICTIONS
#define EVICTIONS 0
#endif
#ifndef DISCARDS
#define DISCARDS 0   /* how often the program gives the contents of a page up */
#endif
#ifndef MIGRATIONS
#define MIGRATIONS 0 /* how often the policy of a unit's faults may choose to move pages to the device */
#endif
#ifndef UNMAPS
#define UNMAPS 0     /* how many pages the program unmaps, 1 or 2; with REMAPS it maps the first of them anew */
#endif
#if UNMAPS > 0 || defined(FREES) /* FREES: the library frees an allocation */
#define COLLECTORS 1 /* ranges die, and are collected */
#define RANGES (PAGES + 1)
#else
#define COLLECTORS 0
#define RANGES 1
#endif

#include "state.pml"
#include "invalidation.pml"
#include "migration.pml"
#include "ranges.pml"
#include "fault.pml"
#include "program.pml"
