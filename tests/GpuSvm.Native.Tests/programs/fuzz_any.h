/* SPDX-License-Identifier: MIT */
/* The part of fuzz.c that calls everything with arbitrary arguments: any status will do. */
#ifndef FUZZ_ANY_H
#define FUZZ_ANY_H

#include "fuzz.h"

static unsigned char nobodys[3][100000]; /* Shown to devices and attached by whoever likes. */
static const char* const survived[] = { "DeviceAllocate", "HostDetach", "HostStaging", "DmaReserve", "BlockAllocate" };
static uint64_t heard;

static void touch_anything(gpusvm_kernel_context* context, void* address)
{
    uint64_t value;
    int64_t indices[2] = { 0, (int64_t)address >> 3 };
    gpusvm_window window = { .address = (uint64_t)address, .bytes = 100 };
    switch (context->group_index % 3) { /* Fails the launch where it may not. */
    case 0: context->functions->read(context, (uint64_t)address, &value, sizeof value); break;
    case 1: context->functions->gather(context, (uint64_t)address, indices, 2, 4, &value); break;
    default: context->functions->windows(context, &window, 1); break;
    }
}

/* Ends the launch's handle, which others may be at as well. */
static void on_end(gpusvm_launch launch, int32_t status, void* arguments)
{
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    (void)status;
    (void)arguments;
    svm.launch_wait(launch, 0, &result);
}

static void listen(uint32_t level, const char* message, void* arguments)
{
    (void)arguments;
    __atomic_fetch_add(&heard, level + strlen(message), __ATOMIC_RELAXED);
}

/* Reads or writes through any mirror. Buffers are as long as the interval; what is written is what is there, or nobody's. */
static void any_mirror_call(worker_t* worker, gpusvm_mirror mirror, uint64_t pointer, uint64_t bytes)
{
    static unsigned char buffers[THREADS][16 * PAGE];
    unsigned char* buffer = buffers[worker->number];
    uint64_t pages, faults;
    if (below(worker, 4) != 0)
        pointer &= ~(uint64_t)(PAGE - 1);
    bytes = bytes > sizeof buffers[0] ? PAGE * below(worker, 17) : bytes;
    switch (below(worker, 4)) {
    case 0: svm.mirror_read(mirror, (void*)pointer, bytes, buffer, &pages, &faults); break;
    case 1: svm.mirror_peek(mirror, (void*)pointer, bytes, buffer, &pages); break;
    case 2: svm.mirror_snapshot(mirror, (void*)pointer, bytes, buffer); break;
    default: svm.mirror_write(mirror, (void*)(((uint64_t)1 << 46) + odd_number(worker) % ((uint64_t)1 << 44)), bytes, buffer, &pages, &faults); break;
    }
}

/* One call or a few. */
static void any_call(worker_t* worker)
{
    uint64_t pointer, bytes, number = 0, other = 0;
    gpusvm_memory some = any_memory(worker);
    uint64_t handle = any_handle(worker);
    uint32_t small = below(worker, 4) == 0 ? (uint32_t)next(worker) : (uint32_t)below(worker, 4);
    any_interval(worker, &pointer, &bytes);
    worker->doing = (int)below(worker, 38);
    switch (worker->doing) {
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
            .never_migrate = (uint32_t)below(worker, 3), .atomics = (uint32_t)below(worker, 6), .granularity_bytes = below(worker, 3) == 0 ? odd_number(worker) : 0 };
        if (below(worker, 2) == 0)
            svm.advise(some, (void*)pointer, bytes, &advice);
        else
            svm.vm_advise(handle, (void*)pointer, bytes, &advice);
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
    case 15: {
        gpusvm_usage usages[2] = { { (void*)pointer, bytes, small, 0 }, { (void*)odd_number(worker), odd_number(worker), 0, 0 } };
        if (svm.launch_start_using(some, touch_anything, (void*)pointer, below(worker, 100), usages, below(worker, 3), &number) == GPUSVM_DONE)
            keep(worker, number);
        if (svm.launch_start(some, touch_anything, (void*)pointer, below(worker, 100), &number) == GPUSVM_DONE)
            keep(worker, number);
        break;
    }
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
        unsigned char* at = nobodys[below(worker, 3)];
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
    case 26: /* Far away; what is near is only what a launch survives: its pages stay where they are. */
        svm.inject(below(worker, 4) == 0 ? "NoSuchPoint" : "HostAttach", (uint64_t)1 << 40 | next(worker));
        svm.inject(survived[below(worker, sizeof survived / sizeof survived[0])], below(worker, 50));
        break;
    case 27: svm.inject_reset(small); break;
    case 28: {
        char text[5000];
        svm.injections(text, below(worker, sizeof text));
        if (below(worker, 50) == 0)
            svm.probe(text, below(worker, sizeof text));
        require(worker, svm.abi_version() == GPUSVM_ABI_VERSION, "abi_version");
        svm.set_log(below(worker, 2) == 0 ? NULL : listen, (uint32_t)below(worker, 6), NULL);
        break;
    }
    case 29:
        if (svm.vm_create(some, &number) == GPUSVM_DONE)
            keep(worker, number);
        break;
    case 30: svm.vm_destroy(handle); break;
    case 31:
        if (svm.vm_queue_create(handle, small, &number) == GPUSVM_DONE)
            keep(worker, number);
        break;
    case 32:
        if (svm.mirror_create(some, below(worker, 2) == 0 ? PAGE * below(worker, 50) : odd_number(worker), &number) == GPUSVM_DONE)
            keep(worker, number);
        break;
    case 33: svm.mirror_destroy(handle); break;
    case 34: svm.mirror_migrate(handle, (void*)pointer, bytes, small, &number); break;
    case 35: any_mirror_call(worker, handle, pointer, bytes); break;
    case 36: { /* Memory of nobody, or what another memory has: one's own stays attached. */
        unsigned char* at = nobodys[below(worker, 3)] + below(worker, 50000);
        svm.attach(some, below(worker, 4) == 0 ? (void*)odd_number(worker) : at, 1 + below(worker, 50000), small);
        svm.attach(victim, (void*)pointer, bytes, 0);
        svm.detach(below(worker, 2) == 0 ? some : victim, below(worker, 4) == 0 ? (void*)odd_number(worker) : at);
        svm.check(some);
        break;
    }
    case 37: {
        gpusvm_trace_options options = { .struct_bytes = small == 3 ? 7 : sizeof options, .accesses_every = small, .buffer_records = (uint32_t)below(worker, 5000) };
        svm.trace_start(some, small == 1 ? "/nowhere/at/all" : "/dev/null", below(worker, 2) == 0 ? NULL : &options);
        break;
    }
    case 38: {
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
#endif
