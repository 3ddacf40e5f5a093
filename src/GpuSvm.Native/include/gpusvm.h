/* SPDX-License-Identifier: MIT */
/*
 * gpusvm.h: one shared virtual address space for a process and its GPUs, in user space.
 *
 * Every function returns a gpusvm_status (0 is done) unless said otherwise, may be called from any thread, and never lets an exception out.
 * gpusvm_last_error() gives the sentence that belongs to the last failing call of the calling thread.
 * Addresses are ordinary pointers of this process. Sizes are in bytes.
 */
#ifndef GPUSVM_H
#define GPUSVM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GPUSVM_ABI_VERSION 1

/* What a call came to. The sixteens are families: done 0, retry 16, declined 32, exhausted 48, gone 64, misuse 80. */
typedef enum gpusvm_status {
    GPUSVM_DONE = 0,
    GPUSVM_RETRY = 16,
    GPUSVM_BUSY = 17,
    GPUSVM_READ_ONLY = 32,
    GPUSVM_NOT_MIGRATABLE = 33,
    GPUSVM_MIXED_PLACEMENT = 34,
    GPUSVM_NOT_SUPPORTED = 35,
    GPUSVM_ACCESS_DENIED = 36,
    GPUSVM_OUT_OF_HOST_MEMORY = 48,
    GPUSVM_OUT_OF_DEVICE_MEMORY = 49,
    GPUSVM_TIMED_OUT = 50,
    GPUSVM_NOT_MAPPED = 64,
    GPUSVM_UNMAPPED = 65,
    GPUSVM_PROCESS_GONE = 66,
    GPUSVM_DEVICE_GONE = 67,
    GPUSVM_COPY_FAILED = 68,
    GPUSVM_INVALID_ARGUMENT = 80,
    GPUSVM_INVALID_HANDLE = 81,
    GPUSVM_KERNEL_FAILED = 82,
    GPUSVM_CANCELLED = 83,
} gpusvm_status;

/* Which host memory stands behind the shared memory. */
typedef enum gpusvm_memory_kind {
    GPUSVM_MEMORY_AUTO = 0,     /* real where this machine allows it, else portable */
    GPUSVM_MEMORY_REAL = 1,     /* userfaultfd: pages move at any time, both sides may touch at any time */
    GPUSVM_MEMORY_PORTABLE = 2  /* plain memory: the CPU must not touch it while a launch runs; every page is home when gpusvm_wait returns */
} gpusvm_memory_kind;

/* What else comes to the device beside the piece that a GPU fault moves. Of use where the largest chunk is smaller than 2 MiB. */
typedef enum gpusvm_prefetch_policy {
    GPUSVM_PREFETCH_NONE = 0,
    GPUSVM_PREFETCH_SEQUENTIAL = 1, /* the 64 KiB of the fault and the 64 KiB behind them */
    GPUSVM_PREFETCH_TREE = 2,       /* the largest aligned part of the 2 MiB that is then more than half there */
    GPUSVM_PREFETCH_BLOCK = 3,      /* the 2 MiB */
    GPUSVM_PREFETCH_STRIDE = 4,     /* as many steps ahead as faults have come at the same distance, in either direction */
    GPUSVM_PREFETCH_ADAPTIVE = 5,   /* a window behind the fault that doubles as long as it is hit and shrinks when it is missed */
    GPUSVM_PREFETCH_HARDWARE = 6    /* the device raises a fault of its own behind each that it had to wait for */
} gpusvm_prefetch_policy;

/* What becomes of pages that CPU and GPU take from each other, or that are evicted and come back. */
typedef enum gpusvm_thrash_policy {
    GPUSVM_THRASH_BACK_OFF = 0,     /* after a return they are mapped where they are for a time that doubles with each further one (default) */
    GPUSVM_THRASH_WINDOW = 1,       /* several moves within a short time: the GPU is held back, then they are pinned in system memory for a time */
    GPUSVM_THRASH_NONE = 2          /* they move as often as they are touched */
} gpusvm_thrash_policy;

/* What becomes of pages that the GPU often uses in system memory, where they were left because both sides wanted them or because there was no room. */
typedef enum gpusvm_access_counter_policy {
    GPUSVM_ACCESS_COUNTERS_NONE = 0,        /* they stay there until something else takes the mapping away (default) */
    GPUSVM_ACCESS_COUNTERS_THRESHOLD = 1    /* they come to the device after a number of uses; with migration 1 nothing else does. Not on portable memory */
} gpusvm_access_counter_policy;

/* What leaves when the device is full. */
typedef enum gpusvm_eviction_policy {
    GPUSVM_EVICT_UNUSED = 0,        /* what the GPU has not used for the longest time */
    GPUSVM_EVICT_FAULT_ORDER = 1,   /* what it has faulted on least recently */
    GPUSVM_EVICT_FIFO = 2,          /* what came first */
    GPUSVM_EVICT_CLOCK = 3,         /* what came first and was not used since the last round */
    GPUSVM_EVICT_RANDOM = 4,        /* anything */
    GPUSVM_EVICT_TREE = 5           /* as fault order, and what is left of a 2 MiB block of which less than half is there */
} gpusvm_eviction_policy;

/* What a child that the process forks (fork, not vfork or posix_spawn) gets of shared memory. Every function answers GPUSVM_PROCESS_GONE there. */
typedef enum gpusvm_forks {
    GPUSVM_FORKS_FOLLOW = 0,        /* all of it, by copy-on-write; so every page comes home at a fork (default) */
    GPUSVM_FORKS_IGNORE = 1         /* nothing: touching it there is a SIGSEGV, and a fork costs nothing more */
} gpusvm_forks;

/* How to open shared memory. Zero means the default everywhere. */
typedef struct gpusvm_options {
    uint32_t struct_bytes;          /* sizeof(gpusvm_options) */
    uint32_t memory_kind;           /* gpusvm_memory_kind */
    uint64_t device_memory_bytes;   /* the software GPU's memory; a multiple of 4096, at least 4096; default 256 MiB */
    uint64_t capacity_bytes;        /* most shared memory that can be allocated; default 64 GiB of address space */
    uint32_t compute_units;         /* threads that run kernels, 1 to 256; default: the processors */
    uint32_t largest_chunk_bytes;   /* largest piece that migrates at once: 4096, 65536 or 2097152 (default) */
    uint32_t migration;             /* 0: to the device on its first touch (default); 1: never, map system memory */
    uint32_t prefetch;              /* gpusvm_prefetch_policy */
    uint32_t eviction;              /* gpusvm_eviction_policy */
    uint16_t monitor;               /* 0: as the environment's GPUSVM_MONITOR says (1 is on); 1: `gpusvm top` may watch; 2: it may not */
    uint16_t forks;                 /* gpusvm_forks */
    uint64_t keep_free_bytes;       /* device memory that is kept free by evicting ahead of need, at most half of it; 0: none (default) */
    uint32_t thrash;                /* gpusvm_thrash_policy */
    uint16_t access_counters;       /* gpusvm_access_counter_policy */
    uint16_t without_faults;        /* 1: the device raises no faults; launches name the memory that they use (gpusvm_launch_start_using). 0: with faults (default) */
    uint32_t device_count;          /* software GPUs, all able to reach each other's memory: 1 to 8; default 1 */
    uint32_t first_touch_bytes;     /* most that a CPU's first touch of fresh memory makes present at once: 4096, 65536 or 2097152 (default) */
    const uint64_t* device_memory_each; /* device_count sizes, as device_memory_bytes; NULL (default): device_memory_bytes for each. Read during gpusvm_open */
} gpusvm_options;

/* A wish that is on or off. */
typedef enum gpusvm_switch {
    GPUSVM_SWITCH_KEEP = 0,         /* as it is */
    GPUSVM_SWITCH_OFF = 1,
    GPUSVM_SWITCH_ON = 2
} gpusvm_switch;

/* Where pages would rather be. */
typedef enum gpusvm_preferred {
    GPUSVM_PREFERRED_KEEP = 0,      /* as it is */
    GPUSVM_PREFERRED_NONE = 1,      /* policies decide */
    GPUSVM_PREFERRED_SYSTEM = 2,
    GPUSVM_PREFERRED_DEVICE = 3     /* device 0; device n is GPUSVM_PREFERRED_DEVICE + n */
} gpusvm_preferred;

/* Against whom atomic operations of kernels must hold. */
typedef enum gpusvm_atomics {
    GPUSVM_ATOMICS_KEEP = 0,        /* as it is */
    GPUSVM_ATOMICS_UNDEFINED = 1,   /* the device's own rule */
    GPUSVM_ATOMICS_DEVICE = 2,      /* the device's units: pages come to it */
    GPUSVM_ATOMICS_SYSTEM = 3,      /* CPU threads alone: an atomic of a kernel fails with GPUSVM_ACCESS_DENIED */
    GPUSVM_ATOMICS_GLOBAL = 4       /* CPU threads and devices */
} gpusvm_atomics;

/* What a program wishes of a piece of its memory. Zero leaves a wish as it is. */
typedef struct gpusvm_advice {
    uint32_t struct_bytes;          /* sizeof(gpusvm_advice), set by the caller */
    uint32_t preferred;             /* gpusvm_preferred */
    uint32_t read_mostly;           /* gpusvm_switch: a kernel that reads gets a copy and the CPU goes on reading its own, until somebody writes */
    uint32_t never_migrate;         /* gpusvm_switch: pages stay in system memory, and there are no copies of them */
    uint32_t pinned;                /* gpusvm_switch: evictions take other memory first */
    uint32_t atomics;               /* gpusvm_atomics */
    uint64_t granularity_bytes;     /* most that moves together: a power of two from 4096 on; 1: left to the range again */
} gpusvm_advice;

typedef uint64_t gpusvm_memory; /* a handle; 0 is none */
typedef uint64_t gpusvm_launch; /* a handle; 0 is none */
typedef uint64_t gpusvm_events; /* a handle; 0 is none */
typedef uint64_t gpusvm_prefetch_operation;
typedef uint64_t gpusvm_queue; /* a handle; 0 is none */
typedef uint64_t gpusvm_userptr; /* a handle; 0 is none */
typedef uint64_t gpusvm_mirror; /* a handle; 0 is none */
typedef uint64_t gpusvm_vm; /* a handle; 0 is none */

/* Where a prefetch brings pages. */
#define GPUSVM_LOCATION_SYSTEM 1u
#define GPUSVM_LOCATION_DEVICE(n) ((n) == 0 ? 0u : (uint32_t)(n) + 1u)

/* For functions that take a device's number: all of them. */
#define GPUSVM_EVERY_DEVICE UINT32_MAX

/* What an event tells of. docs/observing.md says which fields each fills. */
typedef enum gpusvm_event_kind {
    GPUSVM_EVENT_NONE = 0,                  /* for all kinds, where a kind is asked for */
    GPUSVM_EVENT_CPU_FAULT = 1,
    GPUSVM_EVENT_GPU_FAULT = 2,
    GPUSVM_EVENT_MIGRATION = 3,
    GPUSVM_EVENT_EVICTION = 4,              /* address and bytes are the victim, culprit is who needed the room */
    GPUSVM_EVENT_PREFETCH = 5,
    GPUSVM_EVENT_FAULT_REPLAY = 6,
    GPUSVM_EVENT_FATAL_FAULT = 7,
    GPUSVM_EVENT_INVALIDATION = 8,
    GPUSVM_EVENT_MAP_REMOTE = 9,
    GPUSVM_EVENT_THRASHING_DETECTED = 10,
    GPUSVM_EVENT_THROTTLING_START = 11,
    GPUSVM_EVENT_THROTTLING_END = 12,
    GPUSVM_EVENT_FAULT_BUFFER_OVERFLOW = 13,
    GPUSVM_EVENT_ACCESS_COUNTER = 14,
    GPUSVM_EVENT_READ_DUPLICATE = 15,
    GPUSVM_EVENT_READ_DUPLICATE_INVALIDATE = 16,
    GPUSVM_EVENT_QUEUE_STOP = 17,              /* without faults: a running launch was about to lose address and bytes, so it was stopped */
    GPUSVM_EVENT_QUEUE_RESTORE = 18            /* what it lost is back, and it goes on */
} gpusvm_event_kind;

/* On whose behalf pages move. */
typedef enum gpusvm_cause {
    GPUSVM_CAUSE_NONE = 0,
    GPUSVM_CAUSE_GPU_FAULT = 1,
    GPUSVM_CAUSE_CPU_FAULT = 2,
    GPUSVM_CAUSE_EVICTION = 3,
    GPUSVM_CAUSE_PREFETCH = 4,
    GPUSVM_CAUSE_HOST_FAULT = 5,
    GPUSVM_CAUSE_UNPLUG = 6,
    GPUSVM_CAUSE_ACCESS_COUNTER = 7
} gpusvm_cause;

/* Which change of the address space an invalidation follows. */
typedef enum gpusvm_change {
    GPUSVM_CHANGE_UNMAP = 0,
    GPUSVM_CHANGE_CLEAR = 1,
    GPUSVM_CHANGE_PROTECTION = 2,
    GPUSVM_CHANGE_MIGRATE = 3,
    GPUSVM_CHANGE_EXCLUSIVE = 4,
    GPUSVM_CHANGE_RELEASE = 5,
    GPUSVM_CHANGE_SHARE = 6,
    GPUSVM_CHANGE_COLLAPSE = 7,
    GPUSVM_CHANGE_DROP_COPIES = 8
} gpusvm_change;

/* Where pages are: a device's number from 0, or one of these. */
#define GPUSVM_PLACE_RAM (-1)
#define GPUSVM_PLACE_NONE (-2)

/* One thing that happened. Fields that a kind does not fill are 0, places GPUSVM_PLACE_NONE. */
typedef struct gpusvm_event {
    uint64_t timestamp_ns;          /* of the monotonic clock, at its end */
    uint64_t address;
    uint64_t bytes;
    uint64_t duration_ns;           /* 0 where that is not measured */
    uint64_t culprit;               /* of an eviction: the first address that needed the room */
    int32_t status;                 /* gpusvm_status */
    int16_t from;                   /* a place */
    int16_t to;                     /* a place; of a fault who touched */
    uint8_t kind;                   /* gpusvm_event_kind */
    uint8_t cause;                  /* gpusvm_cause */
    uint8_t change;                 /* gpusvm_change, of an invalidation */
    uint8_t access;                 /* of a fault: 0 read, 1 write, 2 atomic */
    uint32_t reserved;
} gpusvm_event;

/* What there are histograms of: times in nanoseconds, sizes in bytes. */
typedef enum gpusvm_histogram_kind {
    GPUSVM_HISTOGRAM_GPU_FAULT = 0,
    GPUSVM_HISTOGRAM_FIND = 1,
    GPUSVM_HISTOGRAM_MIGRATE = 2,
    GPUSVM_HISTOGRAM_GET_PAGES = 3,
    GPUSVM_HISTOGRAM_BIND = 4,
    GPUSVM_HISTOGRAM_CPU_FAULT = 5,
    GPUSVM_HISTOGRAM_INVALIDATION = 6,
    GPUSVM_HISTOGRAM_BYTES_TO_DEVICE = 7,
    GPUSVM_HISTOGRAM_BYTES_TO_RAM = 8
} gpusvm_histogram_kind;

/* How often values of which size came since the memory was opened. Percentiles are estimates: right within a factor of two. */
typedef struct gpusvm_histogram {
    uint32_t struct_bytes;          /* sizeof(gpusvm_histogram), set by the caller */
    uint32_t kind;                  /* gpusvm_histogram_kind */
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t p50;
    uint64_t p90;
    uint64_t p99;
    uint64_t buckets[64];           /* [0] zeroes, [i] values from 2^(i-1) to 2^i - 1 */
} gpusvm_histogram;

/* What happened since the memory was opened. Times are sums over all faults, in nanoseconds. */
typedef struct gpusvm_statistics {
    uint32_t struct_bytes;          /* sizeof(gpusvm_statistics), set by the caller */
    uint32_t memory_kind;           /* GPUSVM_MEMORY_REAL or GPUSVM_MEMORY_PORTABLE */
    uint64_t gpu_faults;            /* faults taken from the fault buffer */
    uint64_t gpu_faults_valid;      /* of these, found already bound */
    uint64_t gpu_faults_failed;     /* of these, refused with a status */
    uint64_t gpu_fault_retries;     /* passes of the fault handler beyond the first */
    uint64_t cpu_faults;            /* CPU touches of pages that were not there */
    uint64_t cpu_faults_migrated;   /* of these, pages that came back from the device */
    uint64_t bytes_to_device;
    uint64_t bytes_to_ram;
    uint64_t migrations_to_device;  /* blocks */
    uint64_t migrations_to_ram;     /* blocks */
    uint64_t evictions;             /* blocks pushed out to make room */
    uint64_t invalidations;         /* notifier callbacks that reached a mapped range */
    uint64_t ranges;                /* now */
    uint64_t device_bytes_used;     /* now */
    uint64_t device_bytes_total;
    uint64_t heap_bytes;            /* now allocated */
    uint64_t find_ns;               /* lookup and insertion of ranges */
    uint64_t migrate_ns;            /* eviction and migration to the device */
    uint64_t get_pages_ns;          /* host fault and device mapping */
    uint64_t bind_ns;               /* page-table writing */
    uint64_t fault_ns;              /* whole service, from the buffer to the acknowledge */
    uint64_t cpu_fault_ns;          /* whole service of CPU faults */
    uint64_t launches;              /* started */
    uint64_t queue_stops;           /* without faults: how often running launches were stopped because something was taken away */
    uint64_t queue_restores;        /* of these, how often all was brought back and they went on */
    uint64_t queue_restores_failed; /* pieces that could not be brought back: their launches failed */
} gpusvm_statistics;

/* One device of a memory. */
typedef struct gpusvm_device_info {
    uint32_t struct_bytes;          /* sizeof(gpusvm_device_info), set by the caller */
    uint32_t compute_units;
    uint64_t memory_bytes;
    uint64_t used_bytes;            /* now */
    uint64_t bytes_to_device;
    uint64_t bytes_to_ram;
    uint64_t evictions;             /* blocks pushed out to make room */
    uint64_t launches;              /* started on it */
    char name[64];
} gpusvm_device_info;

/* Where a page is. */
typedef enum gpusvm_page_place {
    GPUSVM_PAGE_UNMAPPED = 0,       /* no mapping covers it */
    GPUSVM_PAGE_NOWHERE = 1,        /* never touched: reads as zeroes */
    GPUSVM_PAGE_ZERO = 2,           /* the system's shared page of zeroes */
    GPUSVM_PAGE_RAM = 3,
    GPUSVM_PAGE_DEVICE = 4,         /* in the memory of the device that the run names */
    GPUSVM_PAGE_OTHER_DEVICE = 5,   /* on a device that is not of this memory, or that the asking one cannot reach */
    GPUSVM_PAGE_EXCLUSIVE = 6,      /* in RAM, and a device's alone until the CPU touches it */
    GPUSVM_PAGE_MOVING = 7
} gpusvm_page_place;

/* Pages in a row of which the same is to be said. */
typedef struct gpusvm_page_run {
    uint64_t address;
    uint64_t bytes;
    uint32_t place;                 /* gpusvm_page_place */
    int32_t device;                 /* the device that has them; -1 if none has */
    uint32_t writable;              /* 1: a device may write them where they are, without the program being asked */
    uint32_t entry_bytes;           /* how large a piece is mapped as one: 4096, 65536 or 2097152; 0 where nothing is */
} gpusvm_page_run;

/* A fault that was refused: what gpusvm_take_failed_faults tells. */
typedef struct gpusvm_failed_fault {
    uint64_t address;               /* the address that was touched */
    uint64_t timestamp_ns;          /* when the device raised it, on the monotonic clock */
    int32_t status;                 /* why it was refused, a gpusvm_status */
    uint32_t access;                /* 0 read, 1 write, 2 atomic */
} gpusvm_failed_fault;

/* How a run is recorded: what gpusvm_trace_start takes. Zero is the default of each field. */
typedef struct gpusvm_trace_options {
    uint32_t struct_bytes;          /* sizeof(gpusvm_trace_options) */
    uint32_t accesses_every;        /* of the devices' accesses that raise no fault, every so many-th of each compute unit is recorded; 0: first uses only, which evictions depend on */
    uint32_t buffer_records;        /* records that can wait for the writer, 2 to 4194304, rounded up to a power of two, 128 bytes each; 0: 131072. What comes while it is full is lost, and counted */
    uint32_t reserved;
} gpusvm_trace_options;

/* How far a recording is. */
typedef struct gpusvm_trace_status {
    uint32_t struct_bytes;          /* sizeof(gpusvm_trace_status) */
    uint32_t is_running;            /* 1 while it goes on; 0 if it was stopped, or the file could not be written */
    uint64_t records;               /* records written */
    uint64_t bytes;                 /* bytes of the file */
    uint64_t lost;                  /* records that are missing because the buffer was full; the trace says where */
} gpusvm_trace_status;

/* A piece of shared memory. */
typedef struct gpusvm_interval {
    const void* pointer;
    uint64_t bytes;                 /* at least 1 */
} gpusvm_interval;

/* A piece of shared memory that a launch uses. */
typedef struct gpusvm_usage {
    const void* pointer;
    uint64_t bytes;                 /* at least 1; inside one allocation, widened to whole pages */
    uint32_t access;                /* the strongest: 0 read, 1 write, 2 atomic */
    uint32_t reserved;              /* 0 */
} gpusvm_usage;

/* How far a prefetch in the background is. */
typedef struct gpusvm_prefetch_progress {
    uint32_t struct_bytes;          /* sizeof(gpusvm_prefetch_progress), set by the caller */
    int32_t status;                 /* GPUSVM_BUSY while it runs; then GPUSVM_DONE, GPUSVM_CANCELLED, or the first failure, the rest having been tried */
    uint64_t requested_bytes;       /* all that was asked for, in whole pages */
    uint64_t tried_bytes;           /* of these, tried so far; the next three add up to it */
    uint64_t already_there_bytes;
    uint64_t moved_bytes;
    uint64_t failed_bytes;
} gpusvm_prefetch_progress;

/* Called when a launch has ended, with its handle (which is still to be waited for), its gpusvm_status and what the caller gave. See gpusvm_queue_launch. */
typedef void (*gpusvm_callback)(gpusvm_launch launch, int32_t status, void* arguments);

/* What a launch in a queue waits for, uses and calls. Zero means nothing of it. */
typedef struct gpusvm_launch_options {
    uint32_t struct_bytes;          /* sizeof(gpusvm_launch_options) */
    uint32_t wait_count;            /* at most 4096 */
    const gpusvm_launch* waits;     /* launches of the same memory, of any queue and device, that have ended before this one begins, however they ended */
    const gpusvm_usage* usages;     /* as for gpusvm_launch_start_using */
    uint64_t usage_count;           /* at most 65536 */
    gpusvm_callback callback;
    void* callback_arguments;
} gpusvm_launch_options;

/* How loud a message is. */
typedef enum gpusvm_log_level {
    GPUSVM_LOG_NONE = 0,
    GPUSVM_LOG_ERROR = 1,           /* an internal error */
    GPUSVM_LOG_WARNING = 2,         /* portable memory where real was wished for, a failed launch */
    GPUSVM_LOG_INFO = 3,            /* memories opened and closed */
    GPUSVM_LOG_DEBUG = 4            /* every call that failed, with its sentence */
} gpusvm_log_level;

/* Takes a message, UTF-8, valid during the call. */
typedef void (*gpusvm_log)(uint32_t level, const char* message, void* arguments);

/* How a launch ended. */
typedef struct gpusvm_launch_result {
    uint32_t struct_bytes;          /* sizeof(gpusvm_launch_result), set by the caller */
    int32_t status;                 /* gpusvm_status */
    uint64_t fault_address;         /* the address that failed the launch, or 0 */
    uint32_t fault_access;          /* 0 read, 1 write, 2 atomic */
    uint32_t reserved;
    uint64_t elapsed_ns;            /* from the launch to the last group's end */
    char message[256];              /* one sentence; empty if done */
} gpusvm_launch_result;

/*
 * What a kernel sees. A kernel runs once for each group 0 .. group_count-1, on any unit, in any order. All its accesses to shared memory go through
 * the functions here: they translate through the GPU's page table, fault, and replay. After the first failed access every further one fails
 * with the same status at once, and the launch fails with that address.
 */
typedef struct gpusvm_kernel_context gpusvm_kernel_context;

/* One window into shared memory: a pointer to translated bytes. */
typedef struct gpusvm_window {
    uint64_t address;   /* in */
    uint64_t bytes;     /* in: wanted, at least 1; out: what one translation covers, at most that */
    uint32_t access;    /* in: 0 read, 1 write */
    uint32_t reserved;
    void* pointer;      /* out */
} gpusvm_window;

/* What an atomic operation makes of an integer x. */
typedef enum gpusvm_atomic {
    GPUSVM_ATOMIC_ADD = 0,              /* x + value, wraps around */
    GPUSVM_ATOMIC_MAX = 1,              /* the larger of x and value, signed */
    GPUSVM_ATOMIC_MIN = 2,              /* the smaller, signed */
    GPUSVM_ATOMIC_INCREMENT = 3,        /* x >= value ? 0 : x + 1, unsigned */
    GPUSVM_ATOMIC_DECREMENT = 4,        /* x == 0 || x > value ? value : x - 1, unsigned */
    GPUSVM_ATOMIC_AND = 5,
    GPUSVM_ATOMIC_OR = 6,
    GPUSVM_ATOMIC_XOR = 7,
    GPUSVM_ATOMIC_EXCHANGE = 8,         /* value */
    GPUSVM_ATOMIC_COMPARE_EXCHANGE = 9, /* x == comparand ? value : x */
    GPUSVM_ATOMIC_MAX_UNSIGNED = 10,
    GPUSVM_ATOMIC_MIN_UNSIGNED = 11
} gpusvm_atomic;

typedef struct gpusvm_kernel_functions {
    uint64_t struct_bytes;
    /* Copies bytes out of shared memory into private memory, and back. */
    int32_t (*read)(gpusvm_kernel_context*, uint64_t address, void* destination, uint64_t bytes);
    int32_t (*write)(gpusvm_kernel_context*, uint64_t address, const void* source, uint64_t bytes);
    /* destination[i] = element indices[i] of the array at address; element_bytes is 1, 2, 4, 8 or 16; and back. */
    int32_t (*gather)(gpusvm_kernel_context*, uint64_t address, const int64_t* indices, uint64_t count, uint32_t element_bytes, void* destination);
    int32_t (*scatter)(gpusvm_kernel_context*, uint64_t address, const int64_t* indices, uint64_t count, uint32_t element_bytes, const void* source);
    /* Adds to an aligned 4- or 8-byte integer atomically with respect to all units of all devices, and to CPU threads where the page can be taken from them
     * (anonymous memory that is not pinned); the value before goes to *old (may be NULL). */
    int32_t (*atomic_add)(gpusvm_kernel_context*, uint64_t address, int64_t value, uint32_t bytes, int64_t* old);
    /*
     * Opens up to 8 windows that are all valid together, until this unit's next call of any function here, or the kernel's end.
     * Only for kernels in native code without a garbage collector: a managed kernel may be suspended while it holds a pointer, and everybody else
     * would wait for it. Managed kernels use read, write, gather and scatter.
     */
    int32_t (*windows)(gpusvm_kernel_context*, gpusvm_window* windows, uint32_t count);
    /* Lets go of all windows; for long computations between accesses. */
    void (*yield)(gpusvm_kernel_context*);
    /* Fails the launch with a sentence (UTF-8, at most 255 bytes are kept). */
    void (*fail)(gpusvm_kernel_context*, const char* message);
    /*
     * Changes an aligned 4- or 8-byte integer atomically, in one of the ways of gpusvm_atomic, with the promise of atomic_add. Of 4 bytes the low halves of value and comparand count. The value before goes, sign-extended, to
     * *old (may be NULL). In libraries from before it was there struct_bytes is shorter.
     */
    int32_t (*atomic)(gpusvm_kernel_context*, uint64_t address, uint32_t operation, int64_t value, int64_t comparand, uint32_t bytes, int64_t* old);
} gpusvm_kernel_functions;

struct gpusvm_kernel_context {
    const gpusvm_kernel_functions* functions;
    uint64_t group_index;
    uint64_t group_count;
    int32_t status;     /* the first failure of this group, or GPUSVM_DONE */
    uint32_t unit;      /* the compute unit that runs the group */
    void* internal;
};

typedef void (*gpusvm_kernel)(gpusvm_kernel_context* context, void* arguments);

/* The version of the library's ABI: GPUSVM_ABI_VERSION. */
uint32_t gpusvm_abi_version(void);

/* The sentence of the calling thread's last failing call, UTF-8; copies at most size-1 bytes and a NUL, returns the whole length. */
uint64_t gpusvm_last_error(char* buffer, uint64_t size);

/*
 * Sets who is told messages up to a level, for the process; NULL or GPUSVM_LOG_NONE: nobody. Called on whatever thread has something to say, several at once, with no lock held: it should be short, and wait for no launch. Returns when nobody is in the
 * function that was set before, unless that calls this.
 */
int32_t gpusvm_set_log(gpusvm_log log, uint32_t level, void* arguments);

/* Opens shared memory with one software GPU or several. GPUSVM_NOT_SUPPORTED: real memory was asked for and is not to be had; the error says why and what to do. */
int32_t gpusvm_open(const gpusvm_options* options, gpusvm_memory* memory);

/* Waits for running launches, brings every page home, frees everything. Pointers into the memory are invalid afterwards. */
int32_t gpusvm_close(gpusvm_memory memory);

/* Why the memory is of its kind: a sentence that names what stood in the way of real memory and how to enable it; empty for real memory. */
uint64_t gpusvm_memory_reason(gpusvm_memory memory, char* buffer, uint64_t size);

/* Allocates zeroed shared memory, page aligned, 2 MiB aligned from 2 MiB on. */
int32_t gpusvm_alloc(gpusvm_memory memory, uint64_t bytes, void** pointer);

/* As gpusvm_alloc, on a boundary of alignment bytes: a power of two up to 1 GiB. What alignment costs beyond the bytes counts against the capacity, but takes no RAM. */
int32_t gpusvm_alloc_aligned(gpusvm_memory memory, uint64_t bytes, uint64_t alignment, void** pointer);

/* Frees what gpusvm_alloc or gpusvm_alloc_aligned gave. GPUSVM_INVALID_HANDLE if the pointer is not such, or was freed before. Waits until no unit can reach it. */
int32_t gpusvm_free(gpusvm_memory memory, void* pointer);

/*
 * Shares memory that the process already has, wherever it comes from: no address changes. Pages that are wholly inside and the process's alone (malloc, anonymous private mmap) move to
 * devices and back as those of gpusvm_alloc do; all others (shared, of a file, memfd, hugetlb, or only partly inside) devices use where they are, by the kernel functions read, write,
 * gather, scatter, atomic_add and atomic; a window on such a page fails the launch with GPUSVM_NOT_SUPPORTED. Detach it before it is freed. docs/real-memory.md tells what may be done with it.
 */
#define GPUSVM_ATTACH_IN_PLACE 1 /* flag: no page moves, whatever it is */
int32_t gpusvm_attach(gpusvm_memory memory, void* pointer, uint64_t bytes, uint32_t flags);

/* Ends what gpusvm_attach began with this pointer: every page comes home first, with every byte. On a failure it is attached as before. */
int32_t gpusvm_detach(gpusvm_memory memory, void* pointer);

/* Starts a kernel over group_count groups (at least 1). The arguments must stay valid until the launch has ended. Launches run in order. */
int32_t gpusvm_launch_start(gpusvm_memory memory, gpusvm_kernel kernel, void* arguments, uint64_t group_count, gpusvm_launch* launch);

/*
 * As gpusvm_launch_start, and names the memory that the kernel uses, up to 65536 pieces. In a memory without faults it is brought and bound before this returns, and
 * stays so until the launch has ended: where something takes a part away, the kernel is stopped and goes on when it is back; if it cannot be brought back the launch fails with the
 * address. What is not named cannot be touched. In a memory with faults naming changes nothing. GPUSVM_NOT_MAPPED, GPUSVM_READ_ONLY, GPUSVM_OUT_OF_HOST_MEMORY, GPUSVM_BUSY: a
 * piece cannot be had, and nothing was started.
 */
int32_t gpusvm_launch_start_using(gpusvm_memory memory, gpusvm_kernel kernel, void* arguments, uint64_t group_count, const gpusvm_usage* usages, uint64_t count, gpusvm_launch* launch);

/* Waits for a launch and tells how it ended; releases the handle unless it timed out. Milliseconds; UINT32_MAX waits forever. */
int32_t gpusvm_launch_wait(gpusvm_launch launch, uint32_t timeout_ms, gpusvm_launch_result* result);

/*
 * Makes a queue of a device (0 to device_count - 1). Launches of one queue run in order, one at a time; those of different queues run at the same time as far as there are units, and order
 * them only where they wait for each other. gpusvm_launch_start uses a queue of device 0 of its own. On portable memory all launches of a memory run one after the other.
 */
int32_t gpusvm_queue_create(gpusvm_memory memory, uint32_t device, gpusvm_queue* queue);

/* Ends a queue's handle; launches inside go on and can be waited for. Closing the memory ends it too. */
int32_t gpusvm_queue_destroy(gpusvm_queue queue);

/*
 * Starts a kernel in a queue; options may be NULL. Otherwise as gpusvm_launch_start_using. The callback, if there is one, is called once the launch has ended, before gpusvm_close of its memory returns: on a
 * thread of the library that calls the callbacks of one memory one after the other. It may call every function of the library, also start and wait for launches, but not close its own memory (GPUSVM_BUSY);
 * while it runs, others wait.
 */
int32_t gpusvm_queue_launch(gpusvm_queue queue, gpusvm_kernel kernel, void* arguments, uint64_t group_count, const gpusvm_launch_options* options, gpusvm_launch* launch);

/* Waits until all that has been launched in a queue so far has ended, however it did. Milliseconds; UINT32_MAX waits forever. GPUSVM_TIMED_OUT: something still runs. */
int32_t gpusvm_queue_wait(gpusvm_queue queue, uint32_t timeout_ms);

/*
 * Makes a GPU address space beside the memory's first (in which everything else here works): page tables of its own for all devices, and wishes of its own, over the same memory and the same device memories. At most 32
 * (GPUSVM_BUSY). What is shared, freed or moved is so for all of them. User pointers, device reads and writes, queries, prefetches, counters of faults and the list of refused faults are the first's.
 */
int32_t gpusvm_vm_create(gpusvm_memory memory, gpusvm_vm* vm);

/* Waits for the launches of an address space, and ends it with its queues. gpusvm_close does so too. Not from a callback of its memory (GPUSVM_BUSY). */
int32_t gpusvm_vm_destroy(gpusvm_vm vm);

/* As gpusvm_queue_create; launches of the queue run in this address space. */
int32_t gpusvm_vm_queue_create(gpusvm_vm vm, uint32_t device, gpusvm_queue* queue);

/* As gpusvm_advise, for the launches of this address space. */
int32_t gpusvm_vm_advise(gpusvm_vm vm, const void* pointer, uint64_t bytes, const gpusvm_advice* advice);

/*
 * Reads bytes of a device's address space into a buffer, or writes them from one, as a DMA engine or a debugger would: through the GPU's page table, with faults and replays, migrating as a kernel's access
 * would, also while all units are busy. The buffer may be any memory of the program. *failed_at (may be NULL) gets the first address that could not be accessed, or 0; everything before it has been
 * transferred. Answers as a launch would fail: GPUSVM_NOT_MAPPED, GPUSVM_READ_ONLY, ... On portable memory it waits for the launches that were started before it.
 */
int32_t gpusvm_device_read(gpusvm_memory memory, uint32_t device, uint64_t address, void* destination, uint64_t bytes, uint64_t* failed_at);
int32_t gpusvm_device_write(gpusvm_memory memory, uint32_t device, uint64_t address, const void* source, uint64_t bytes, uint64_t* failed_at);

/*
 * Pushes the pages of an interval that are on a device (or on any: GPUSVM_EVERY_DEVICE) back to RAM now; pointer NULL and bytes 0: everything that the device holds. *moved (may be NULL) gets the bytes
 * of it that came home; blocks that hold a part of an interval come whole. GPUSVM_BUSY, GPUSVM_OUT_OF_HOST_MEMORY, GPUSVM_COPY_FAILED: some stayed, with their bytes; the rest was still tried.
 */
int32_t gpusvm_evict(gpusvm_memory memory, uint32_t device, const void* pointer, uint64_t bytes, uint64_t* moved);

/*
 * Takes the pages of an interval from the CPU, so that atomic operations of the device hold against everyone; they stay in RAM, or on the device where they are there. A CPU touch takes a page back.
 * *exclusive (may be NULL) gets the bytes that are the device's alone now; at most 16 MiB of RAM can be, the oldest are given back. GPUSVM_NOT_SUPPORTED on portable memory, where nobody can give them back.
 */
int32_t gpusvm_make_exclusive(gpusvm_memory memory, uint32_t device, const void* pointer, uint64_t bytes, uint64_t* exclusive);

/*
 * A snapshot of an interval, any addresses, widened to whole pages, as one device sees it: runs of pages in address order, without gaps. Nothing is touched or moved for it; what moves meanwhile is told of at
 * one of its places. *count gets how many runs there are, also where they are more than capacity, the size of the buffer; run_bytes is sizeof(gpusvm_page_run). At most 1 TiB at once.
 */
int32_t gpusvm_query(gpusvm_memory memory, uint32_t device, const void* pointer, uint64_t bytes, gpusvm_page_run* runs, uint32_t run_bytes, uint64_t capacity, uint64_t* count);

/*
 * Shows memory of the program's own (malloc, mmap, a file, the stack) to the devices, in place: its pages are never moved, CPU and devices use it at the same time. Any pointer and length, widened to whole
 * pages; read_only 1: devices may only read it. *device_address gets where kernels find the first byte. It must stay mapped, and what it is, until gpusvm_userptr_unregister. Pages of shared memory may be shown too: they come home for
 * each use. GPUSVM_NOT_MAPPED: the program has no such memory; GPUSVM_READ_ONLY: it may not write it itself, register it read-only; GPUSVM_BUSY: some of its pages are registered already, and some not.
 */
int32_t gpusvm_userptr_register(gpusvm_memory memory, void* pointer, uint64_t bytes, uint32_t read_only, uint64_t* device_address, gpusvm_userptr* userptr);

/* Takes it away from the devices and returns when none can reach it any more. Kernels that still use it fail with the address. */
int32_t gpusvm_userptr_unregister(gpusvm_userptr userptr);

/*
 * Mirrors: devices in their least form, for tests of drivers and of this library, as Linux has one in its HMM test driver. A mirror has a table from pages to frames and memory of its own, 4096 bytes to 1 GiB, and
 * does what it is told: no kernels, no policy. Its memory is its own: who else touches a page there, another mirror or a GPU too, brings it home. GPUSVM_NOT_SUPPORTED on portable memory. At most 16 a memory
 * (GPUSVM_BUSY). Intervals are whole pages of 4096 bytes of shared memory, at most 64 MiB.
 */
int32_t gpusvm_mirror_create(gpusvm_memory memory, uint64_t memory_bytes, gpusvm_mirror* mirror);

/* Brings a mirror's pages home and ends it. gpusvm_close does so too. */
int32_t gpusvm_mirror_destroy(gpusvm_mirror mirror);

/*
 * Reads pages through the mirror's table, or writes them. At a page without a fitting entry, all pages behind it in the interval are faulted, as far as the mapping goes, and the walk goes on. *pages (may be NULL)
 * gets how many pages were done, *faults (may be NULL) how often was faulted. GPUSVM_NOT_MAPPED, GPUSVM_READ_ONLY; GPUSVM_NOT_SUPPORTED: a page in the mirror's own memory that it may not write there. Pages before
 * the one that failed are written, or faulted; a buffer is filled only if all could be read.
 */
int32_t gpusvm_mirror_read(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, void* destination, uint64_t* pages, uint64_t* faults);
int32_t gpusvm_mirror_write(gpusvm_mirror mirror, void* pointer, uint64_t bytes, const void* source, uint64_t* pages, uint64_t* faults);

/* Reads pages through the mirror's table as it is, up to the first without an entry; *pages gets how many were read. */
int32_t gpusvm_mirror_peek(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, void* destination, uint64_t* pages);

/*
 * Moves pages to the mirror's memory (GPUSVM_LOCATION_DEVICE(0)) or home from it (GPUSVM_LOCATION_SYSTEM); *moved (may be NULL) gets how many moved. Pages that cannot move stay where they are.
 * GPUSVM_NOT_MIGRATABLE at a hole, or a mapping that may not be read: what lies before it has moved.
 */
int32_t gpusvm_mirror_migrate(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, uint32_t location, uint64_t* moved);

/*
 * What the mirror would see of each page without faulting, a byte a page: 0xFF no mapping, or one that may not be read; 0 nothing there, or in another device's memory; else 1 (may be read) or 2 (written), and added
 * to it 4 (a page of 2 MiB), 0x10 (the page of zeroes), 0x20 (in the mirror's own memory).
 */
int32_t gpusvm_mirror_snapshot(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, uint8_t* pages);

/* Moves pages to a device or to system memory now: location is GPUSVM_LOCATION_DEVICE(n) or GPUSVM_LOCATION_SYSTEM; *moved (may be NULL) gets the bytes that really moved. */
int32_t gpusvm_prefetch(gpusvm_memory memory, const void* pointer, uint64_t bytes, uint32_t location, uint64_t* moved);

/*
 * Says what the program wishes of the pages of an interval (any piece of an allocation, widened to whole pages); all of it or nothing. Pages stay where they are until they are
 * touched. Wishes are forgotten when the memory is freed.
 */
int32_t gpusvm_advise(gpusvm_memory memory, const void* pointer, uint64_t bytes, const gpusvm_advice* advice);

/*
 * Begins to move count intervals (at most 1000000, any pieces of allocations, widened to whole pages) in the background, several blocks of 2 MiB at a time.
 * The list is copied. End the operation with gpusvm_prefetch_end; closing the memory ends it too.
 */
int32_t gpusvm_prefetch_start(gpusvm_memory memory, const gpusvm_interval* intervals, uint64_t count, uint32_t location, gpusvm_prefetch_operation* operation);

/* Waits for an operation, up to so many milliseconds (UINT32_MAX: forever; 0: looks), and tells how far it is. GPUSVM_TIMED_OUT: it still runs; progress is told. */
int32_t gpusvm_prefetch_wait(gpusvm_prefetch_operation operation, uint32_t timeout_ms, gpusvm_prefetch_progress* progress);

/* Begins no further block of an operation; what has moved stays where it is. */
int32_t gpusvm_prefetch_cancel(gpusvm_prefetch_operation operation);

/* Cancels an operation if it still runs, waits for the blocks on their way, and ends the handle. */
int32_t gpusvm_prefetch_end(gpusvm_prefetch_operation operation);

/* Reads the counters. */
int32_t gpusvm_read_statistics(gpusvm_memory memory, gpusvm_statistics* statistics);

/* What one of the devices is, and what went to and fro. */
int32_t gpusvm_read_device(gpusvm_memory memory, uint32_t device, gpusvm_device_info* info);

/* Reads one histogram; kind is a gpusvm_histogram_kind. */
int32_t gpusvm_read_histogram(gpusvm_memory memory, uint32_t kind, gpusvm_histogram* histogram);

/*
 * Takes the faults that were refused out of the list, oldest first: it keeps the first 64 since it was last taken. *taken gets how many, *dropped how many
 * more there were since then. fault_bytes is sizeof(gpusvm_failed_fault).
 */
int32_t gpusvm_take_failed_faults(gpusvm_memory memory, gpusvm_failed_fault* buffer, uint32_t fault_bytes, uint64_t count, uint64_t* taken, uint64_t* dropped);

/*
 * Opens a stream of what happens from now on. It holds up to capacity events (1 to 1048576; 0: 65536; rounded up to a power of two, at least 2); while it is full new ones are
 * dropped and counted. Streams end with their memory.
 */
int32_t gpusvm_events_open(gpusvm_memory memory, uint32_t capacity, gpusvm_events* events);

/* Takes up to count of the oldest events, without waiting; *read gets how many. event_bytes is sizeof(gpusvm_event). */
int32_t gpusvm_events_read(gpusvm_events events, gpusvm_event* buffer, uint32_t event_bytes, uint64_t count, uint64_t* read);

/* How many events of a kind (GPUSVM_EVENT_NONE: of all) were dropped because the stream was full. */
int32_t gpusvm_events_dropped(gpusvm_events events, uint32_t kind, uint64_t* dropped);

/* Ends a stream. */
int32_t gpusvm_events_close(gpusvm_events events);

/*
 * Records the run from now on into a file, which is overwritten: what is mapped and where its pages are, launches, faults, first uses, prefetches, advice, and all that happens for it.
 * `gpusvm replay` runs it again. A memory is recorded once at a time; GPUSVM_TRACE=FILE in the environment records every memory from its opening on, into FILE, FILE-2, ... (before
 * the extension) and is ended by this call. options may be NULL. GPUSVM_INVALID_ARGUMENT: it is being recorded already, or the file cannot be written.
 */
int32_t gpusvm_trace_start(gpusvm_memory memory, const char* path, const gpusvm_trace_options* options);

/* Tells how far the recording is. GPUSVM_INVALID_HANDLE: there is none. */
int32_t gpusvm_trace_read(gpusvm_memory memory, gpusvm_trace_status* status);

/* Ends the recording and completes the file; gpusvm_close does so too. status may be NULL. GPUSVM_COPY_FAILED: not all could be written; what is there can be read. */
int32_t gpusvm_trace_stop(gpusvm_memory memory, gpusvm_trace_status* status);

/* Walks all live objects and checks the invariants; GPUSVM_DONE if none is broken, else GPUSVM_KERNEL_FAILED and the error lists them. */
int32_t gpusvm_check(gpusvm_memory memory);

/* What this machine can do, as JSON (an array of {name, ok, detail, remedy}); copies at most size-1 bytes and a NUL, returns the whole length. */
uint64_t gpusvm_probe(char* buffer, uint64_t size);

/*
 * Failures on purpose, in all memories of this process: for tests of programs, and of this library. The nth hit of a point from now (1 is the next) fails once,
 * beside what was asked for before; at most 16 wait at one point. GPUSVM_INVALID_ARGUMENT for a point that is none: the error lists them.
 */
int32_t gpusvm_inject(const char* point, uint64_t nth);

/* Lets nothing fail any more and forgets the hits. counting: 0 ends counting (operations cost no more than before), 1 counts hits from now on. */
int32_t gpusvm_inject_reset(uint32_t counting);

/* The injection points, as JSON (an array of {name, where, hits, waiting}); hits are counted from the first gpusvm_inject or gpusvm_inject_reset(1) on; copies at most
 * size-1 bytes and a NUL, returns the whole length. */
uint64_t gpusvm_injections(char* buffer, uint64_t size);

#ifdef __cplusplus
}
#endif
#endif
