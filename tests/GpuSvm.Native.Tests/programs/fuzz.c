/* SPDX-License-Identifier: MIT */
/*
 * Calls everything with arbitrary handles, sizes, alignments, addresses and in any order, from several threads, for so many seconds. Pointers that the library is to write through are always valid, as C
 * demands. Never a crash or a hang, and every byte of what a thread has allocated is what it has written, by whichever way: each thread knows what its memory must hold.
 */
#include <pthread.h>
#include <unistd.h>

#include "load.h"

#define THREADS 3
#define PIECES 6
#define HANDLES 64

typedef struct {
    unsigned char* pointer;
    uint64_t bytes;
    unsigned char seed;
} piece_t;

typedef struct {
    uint64_t random;
    uint64_t calls;
    piece_t pieces[PIECES];
    pthread_t thread;
} worker_t;

static gpusvm_memory memory;             /* The one whose bytes are checked. */
static volatile gpusvm_memory victim;    /* One that comes and goes under everybody's calls. */
static uint64_t handles[HANDLES];        /* Of any kind, of any thread, alive or not. */
static time_t end;
static uint64_t first_seed;

static uint64_t next(worker_t* worker)
{
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    return worker->random ^= worker->random << 17;
}

static uint64_t below(worker_t* worker, uint64_t limit)
{
    return next(worker) % limit;
}

static void fail(worker_t* worker, const char* what, const piece_t* piece, uint64_t at)
{
    fprintf(stderr, "seed %llu, call %llu: %s at byte %llu of %llu; last error: %s\n", (unsigned long long)first_seed, (unsigned long long)worker->calls, what,
        (unsigned long long)at, (unsigned long long)piece->bytes, last_error());
    exit(1);
}

static void require(worker_t* worker, int is_true, const char* what)
{
    if (!is_true)
        fail(worker, what, &worker->pieces[0], 0);
}

/* A handle: one that was given, a neighbour of it, or any number. */
static uint64_t any_handle(worker_t* worker)
{
    uint64_t handle = handles[below(worker, HANDLES)];
    switch (below(worker, 6)) {
    case 0: return next(worker);
    case 1: return handle + below(worker, 3) - 1;
    case 2: return handle ^ (uint64_t)1 << below(worker, 64);
    default: return handle;
    }
}

static gpusvm_memory any_memory(worker_t* worker)
{
    switch (below(worker, 8)) {
    case 0: return any_handle(worker);
    case 1: return victim;
    default: return memory;
    }
}

static void keep(worker_t* worker, uint64_t handle)
{
    if (handle != 0)
        handles[below(worker, HANDLES)] = handle;
}

/* A size or an address that a program would rather not give. */
static uint64_t odd_number(worker_t* worker)
{
    static const uint64_t odd[] = { 0, 1, 4095, 4096, 4097, 65536, 2097151, 2097152, 1ull << 31, 1ull << 32, 1ull << 40, 1ull << 47, (1ull << 47) - 4096, 1ull << 48, 1ull << 63, UINT64_MAX, UINT64_MAX - 4095 };
    uint64_t number = odd[below(worker, sizeof odd / sizeof odd[0])];
    return below(worker, 2) == 0 ? number : number + below(worker, 8192) - 4096;
}

/* An interval: mostly of one's own memory, sometimes across its end, sometimes anything. Not to be written through. */
static void any_interval(worker_t* worker, uint64_t* pointer, uint64_t* bytes)
{
    piece_t* piece = &worker->pieces[below(worker, PIECES)];
    uint64_t offset = piece->bytes == 0 ? 0 : below(worker, piece->bytes);
    *pointer = (uint64_t)piece->pointer + offset;
    *bytes = below(worker, 4) == 0 ? odd_number(worker) : 1 + below(worker, piece->bytes + 1);
    if (below(worker, 8) == 0)
        *pointer = odd_number(worker);
}

static unsigned char byte_at(const piece_t* piece, uint64_t at)
{
    return (unsigned char)(piece->seed + at * 31 + (at >> 12));
}

static void check_bytes(worker_t* worker, const piece_t* piece, const unsigned char* bytes, uint64_t first, uint64_t count, const char* what)
{
    for (uint64_t i = 0; i < count; i++) {
        if (bytes[i] != byte_at(piece, first + i))
            fail(worker, what, piece, first + i);
    }
}

static void add_seven(gpusvm_kernel_context* context, void* pointer)
{
    const piece_t* piece = pointer;
    unsigned char block[1024];
    uint64_t share = (piece->bytes + context->group_count - 1) / context->group_count;
    uint64_t at = share * context->group_index, stop = at + share < piece->bytes ? at + share : piece->bytes;
    while (at < stop) {
        uint64_t count = stop - at < sizeof block ? stop - at : sizeof block;
        if (context->functions->read(context, (uint64_t)piece->pointer + at, block, count) != GPUSVM_DONE)
            return;
        for (uint64_t i = 0; i < count; i++)
            block[i] += 7;
        if (context->functions->write(context, (uint64_t)piece->pointer + at, block, count) != GPUSVM_DONE)
            return;
        at += count;
    }
}

static void touch_anything(gpusvm_kernel_context* context, void* address)
{
    uint64_t value;
    context->functions->read(context, (uint64_t)address, &value, sizeof value); /* Fails the launch where it may not. */
}

/* Ends the launch's handle, which others may be at as well. */
static void on_end(gpusvm_launch launch, int32_t status, void* arguments)
{
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    (void)status;
    (void)arguments;
    svm.launch_wait(launch, 0, &result);
}

static void new_piece(worker_t* worker, piece_t* piece)
{
    if (piece->bytes != 0) {
        require(worker, svm.free(memory, piece->pointer) == GPUSVM_DONE, "free");
        piece->bytes = 0;
    }
    uint64_t bytes = 1 + below(worker, below(worker, 4) == 0 ? 3 << 20 : 20000);
    int32_t status = below(worker, 2) == 0 ? svm.alloc(memory, bytes, (void**)&piece->pointer)
        : svm.alloc_aligned(memory, bytes, (uint64_t)1 << below(worker, 24), (void**)&piece->pointer);
    if (status == GPUSVM_OUT_OF_HOST_MEMORY)
        return;
    require(worker, status == GPUSVM_DONE, "alloc");
    piece->bytes = bytes;
    piece->seed = (unsigned char)next(worker);
    for (uint64_t i = 0; i < bytes; i++) {
        if (piece->pointer[i] != 0)
            fail(worker, "fresh memory is not zero", piece, i);
        piece->pointer[i] = byte_at(piece, i);
    }
}

/* Something that changes or reads one's own bytes, and must succeed. */
static void own_work(worker_t* worker, piece_t* piece)
{
    if (piece->bytes == 0) {
        new_piece(worker, piece);
        return;
    }
    uint64_t first = below(worker, piece->bytes), count = 1 + below(worker, piece->bytes - first);
    unsigned char* own = malloc(count);
    switch (below(worker, 5)) {
    case 0:
        check_bytes(worker, piece, piece->pointer + first, first, count, "the CPU read something else");
        break;
    case 1:
        require(worker, svm.device_read(memory, (uint32_t)below(worker, 2), (uint64_t)piece->pointer + first, own, count, NULL) == GPUSVM_DONE, "device_read");
        check_bytes(worker, piece, own, first, count, "the device read something else");
        break;
    case 2:
        memcpy(own, piece->pointer + first, count);
        require(worker, svm.device_write(memory, (uint32_t)below(worker, 2), (uint64_t)piece->pointer + first, own, count, NULL) == GPUSVM_DONE, "device_write");
        break;
    case 3: {
        gpusvm_launch launch;
        gpusvm_launch_result result = { .struct_bytes = sizeof result };
        gpusvm_launch_options options = { .struct_bytes = sizeof options }; /* No callback: the launch's handle is this thread's to end. */
        gpusvm_queue queue = 0;
        int is_queued = svm.queue_create(memory, (uint32_t)below(worker, 2), &queue) == GPUSVM_DONE;
        uint64_t groups = 1 + below(worker, 20);
        require(worker, (is_queued ? svm.queue_launch(queue, add_seven, piece, groups, &options, &launch) : svm.launch_start(memory, add_seven, piece, groups, &launch)) == GPUSVM_DONE, "launch");
        if (is_queued && below(worker, 2) == 0)
            require(worker, svm.queue_destroy(queue) == GPUSVM_DONE, "queue_destroy");
        else
            keep(worker, queue);
        require(worker, svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE, "launch_wait");
        if (result.status != GPUSVM_DONE)
            fail(worker, result.message, piece, result.fault_address - (uint64_t)piece->pointer);
        piece->seed += 7;
        break;
    }
    default:
        for (uint64_t i = 0; i < count && i < 5000; i++)
            piece->pointer[first + i] = byte_at(piece, first + i);
        break;
    }
    free(own);
}

/* Something with arbitrary arguments: any status will do. */
static void any_call(worker_t* worker)
{
    uint64_t pointer, bytes, number = 0, other = 0;
    gpusvm_memory some = any_memory(worker);
    uint64_t handle = any_handle(worker);
    uint32_t small = below(worker, 4) == 0 ? (uint32_t)next(worker) : (uint32_t)below(worker, 4);
    any_interval(worker, &pointer, &bytes);
    switch (below(worker, 29)) {
    case 0: {
        void* got = NULL;
        if (svm.alloc_aligned(some, odd_number(worker), odd_number(worker), &got) == GPUSVM_DONE)
            svm.free(some, got);
        break;
    }
    case 1: svm.free(victim, (void*)pointer); break;
    case 2: svm.prefetch(some, (void*)pointer, bytes, small, &number); break;
    case 3: svm.evict(some, small == 3 ? GPUSVM_EVERY_DEVICE : small, below(worker, 8) == 0 ? NULL : (void*)pointer, below(worker, 8) == 0 ? 0 : bytes, &number); break;
    case 4: svm.make_exclusive(some, small, (void*)pointer, bytes, &number); break;
    case 5: {
        gpusvm_page_run runs[8];
        if (svm.query(some, small, (void*)pointer, bytes, runs, small == 3 ? 7 : sizeof runs[0], below(worker, 9), &number) == GPUSVM_DONE)
            require(worker, number > 0, "a query without runs");
        break;
    }
    case 6: {
        gpusvm_advice advice = { .struct_bytes = small == 3 ? 7 : sizeof advice, .preferred = (uint32_t)below(worker, 6), .read_mostly = (uint32_t)below(worker, 4), .pinned = (uint32_t)below(worker, 3),
            .granularity_bytes = below(worker, 3) == 0 ? odd_number(worker) : 0 };
        svm.advise(some, (void*)pointer, bytes, &advice);
        break;
    }
    case 7: {
        gpusvm_interval intervals[3] = { { (void*)pointer, bytes }, { (void*)pointer, 1 }, { (void*)pointer, 4096 } };
        if (svm.prefetch_start(some, intervals, below(worker, 4), small, &number) == GPUSVM_DONE)
            keep(worker, number);
        break;
    }
    case 8: {
        gpusvm_prefetch_progress progress = { .struct_bytes = small == 3 ? 7 : sizeof progress };
        svm.prefetch_wait(handle, (uint32_t)below(worker, 3), &progress);
        break;
    }
    case 9: svm.prefetch_cancel(handle); break;
    case 10: svm.prefetch_end(handle); break;
    case 11:
        if (svm.queue_create(some, small, &number) == GPUSVM_DONE)
            keep(worker, number);
        break;
    case 12: svm.queue_destroy(handle); break;
    case 13: svm.queue_wait(handle, (uint32_t)below(worker, 3)); break;
    case 14: {
        gpusvm_launch waits[3] = { any_handle(worker), any_handle(worker), any_handle(worker) };
        gpusvm_usage usages[2] = { { (void*)pointer, bytes, small, 0 }, { (void*)odd_number(worker), odd_number(worker), 0, 0 } };
        gpusvm_launch_options options = { .struct_bytes = small == 3 ? 7 : sizeof options, .wait_count = (uint32_t)below(worker, 4), .waits = waits, .usages = usages, .usage_count = below(worker, 3),
            .callback = below(worker, 2) == 0 ? on_end : NULL };
        if (svm.queue_launch(handle, touch_anything, (void*)pointer, below(worker, 100), below(worker, 3) == 0 ? NULL : &options, &number) == GPUSVM_DONE)
            keep(worker, number);
        break;
    }
    case 15:
        if (svm.launch_start(some, touch_anything, (void*)pointer, below(worker, 100), &number) == GPUSVM_DONE)
            keep(worker, number);
        break;
    case 16: {
        gpusvm_launch_result result = { .struct_bytes = small == 3 ? 7 : sizeof result };
        svm.launch_wait(handle, (uint32_t)below(worker, 3), &result);
        break;
    }
    case 17:
        if (svm.events_open(some, small, &number) == GPUSVM_DONE)
            keep(worker, number);
        break;
    case 18: {
        gpusvm_event events[16];
        svm.events_read(handle, events, small == 3 ? 7 : sizeof events[0], below(worker, 17), &number);
        svm.events_dropped(handle, (uint32_t)below(worker, 20), &number);
        break;
    }
    case 19: svm.events_close(handle); break;
    case 20: {
        gpusvm_statistics statistics = { .struct_bytes = small == 3 ? 7 : sizeof statistics };
        gpusvm_device_info info = { .struct_bytes = sizeof info };
        gpusvm_histogram histogram = { .struct_bytes = sizeof histogram };
        svm.read_statistics(some, &statistics);
        svm.read_device(some, small, &info);
        svm.read_histogram(some, (uint32_t)below(worker, 10), &histogram);
        break;
    }
    case 21: {
        static unsigned char own[3][100000];
        unsigned char* at = own[below(worker, 3)];
        if (svm.userptr_register(some, some == memory && below(worker, 2) == 0 ? (void*)pointer : at + below(worker, 50000), 1 + below(worker, 50000), small, &other, &number) == GPUSVM_DONE)
            keep(worker, number);
        break;
    }
    case 22: svm.userptr_unregister(handle); break;
    case 23: {
        unsigned char own[5000];
        svm.device_read(some, small, below(worker, 2) == 0 ? pointer : odd_number(worker), own, below(worker, sizeof own), &number);
        break;
    }
    case 24: { /* Only where it cannot be anybody's memory. */
        unsigned char own[64] = { 0 };
        svm.device_write(some, small, ((uint64_t)1 << 48) + odd_number(worker) % ((uint64_t)1 << 50), own, below(worker, sizeof own), &number);
        break;
    }
    case 25: {
        gpusvm_failed_fault faults[4];
        char text[100];
        svm.take_failed_faults(some, faults, small == 3 ? 7 : sizeof faults[0], below(worker, 5), &number, &other);
        svm.memory_reason(some, text, below(worker, sizeof text));
        svm.last_error(text, below(worker, sizeof text));
        break;
    }
    case 26: {
        gpusvm_trace_options options = { .struct_bytes = small == 3 ? 7 : sizeof options, .accesses_every = small, .buffer_records = (uint32_t)below(worker, 5000) };
        svm.trace_start(some, small == 1 ? "/nowhere/at/all" : "/dev/null", below(worker, 2) == 0 ? NULL : &options);
        break;
    }
    case 27: {
        gpusvm_trace_status status = { .struct_bytes = small == 3 ? 7 : sizeof status };
        svm.trace_read(some, &status);
        if (below(worker, 2) == 0)
            svm.trace_stop(some, below(worker, 2) == 0 ? NULL : &status);
        break;
    }
    default:
        if (victim == 0 || below(worker, 10) == 0) {
            gpusvm_memory closing = victim;
            gpusvm_options options = { .struct_bytes = below(worker, 8) == 0 ? 64 : sizeof options, .memory_kind = (uint32_t)below(worker, 4), .device_memory_bytes = 4096 * below(worker, 300), .compute_units = 1,
                .device_count = (uint32_t)below(worker, 4), .without_faults = (uint16_t)below(worker, 2), .prefetch = (uint32_t)below(worker, 8), .monitor = 2 };
            gpusvm_memory opened = 0;
            if (svm.close(closing) == GPUSVM_DONE || closing == 0) {
                victim = svm.open(&options, &opened) == GPUSVM_DONE ? opened : 0;
            }
        }
        break;
    }
}

static void* work(void* pointer)
{
    worker_t* worker = pointer;
    while (time(NULL) < end) {
        __atomic_fetch_add(&worker->calls, 1, __ATOMIC_RELAXED);
        if (below(worker, 3) == 0)
            own_work(worker, &worker->pieces[below(worker, PIECES)]);
        else if (below(worker, 40) == 0)
            new_piece(worker, &worker->pieces[below(worker, PIECES)]);
        else
            any_call(worker);
    }
    for (int i = 0; i < PIECES; i++)
        check_bytes(worker, &worker->pieces[i], worker->pieces[i].pointer, 0, worker->pieces[i].bytes, "lost at the end");
    return NULL;
}

int main(int count, char** arguments)
{
    CHECK(count == 5);
    load(arguments[1]);
    gpusvm_options options = options_for(arguments[2]);
    options.device_count = 2;
    memory = open_or_skip(&options);
    first_seed = strtoull(arguments[4], NULL, 10);
    end = time(NULL) + atoi(arguments[3]);
    printf("seed %llu\n", (unsigned long long)first_seed);
    fflush(stdout);
    static worker_t workers[THREADS];
    int threads = options.memory_kind == GPUSVM_MEMORY_REAL ? THREADS : 1; /* On portable memory the CPU may not touch while others launch. */
    for (int i = 0; i < threads; i++) {
        workers[i].random = (first_seed * 2654435761u + (uint64_t)i * 40503) | 1;
        for (int j = 0; j < 20; j++)
            next(&workers[i]);
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }

    uint64_t before = 0;
    for (int quiet = 0; time(NULL) < end; ) {
        usleep(200000);
        uint64_t calls = 0;
        for (int i = 0; i < threads; i++)
            calls += __atomic_load_n(&workers[i].calls, __ATOMIC_RELAXED);
        quiet = calls == before ? quiet + 1 : 0;
        before = calls;
        if (quiet > 5 * 60) {
            fprintf(stderr, "seed %llu: nothing went on for a minute, after %llu calls\n", (unsigned long long)first_seed, (unsigned long long)calls);
            abort();
        }
    }
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    svm.close(victim);
    printf("%llu calls\n", (unsigned long long)before);
    return 0;
}
