/* SPDX-License-Identifier: MIT */
/* Loads the library named by the first argument, and the means by which the programs check themselves. */
#ifndef LOAD_H
#define LOAD_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpusvm.h"

#define NOT_AVAILABLE 77

#ifdef __SANITIZE_ADDRESS__
/* The library's runtime handles SIGSEGV itself, and frees little when the process ends. Zeroed gigabytes, which the system gives for nothing, the sanitizer writes byte by byte: it refuses them instead. */
const char* __asan_default_options(void);
const char* __asan_default_options(void)
{
    return "handle_segv=0:detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=512";
}
#endif

static struct {
    uint32_t (*abi_version)(void);
    uint64_t (*last_error)(char*, uint64_t);
    int32_t (*open)(const gpusvm_options*, gpusvm_memory*);
    int32_t (*close)(gpusvm_memory);
    uint64_t (*memory_reason)(gpusvm_memory, char*, uint64_t);
    int32_t (*alloc)(gpusvm_memory, uint64_t, void**);
    int32_t (*free)(gpusvm_memory, void*);
    int32_t (*launch_start)(gpusvm_memory, gpusvm_kernel, void*, uint64_t, gpusvm_launch*);
    int32_t (*launch_wait)(gpusvm_launch, uint32_t, gpusvm_launch_result*);
    int32_t (*prefetch)(gpusvm_memory, const void*, uint64_t, uint32_t, uint64_t*);
    int32_t (*read_statistics)(gpusvm_memory, gpusvm_statistics*);
    int32_t (*check)(gpusvm_memory);
    uint64_t (*probe)(char*, uint64_t);
    int32_t (*inject)(const char*, uint64_t);
    int32_t (*inject_reset)(uint32_t);
    uint64_t (*injections)(char*, uint64_t);
    int32_t (*read_histogram)(gpusvm_memory, uint32_t, gpusvm_histogram*);
    int32_t (*events_open)(gpusvm_memory, uint32_t, gpusvm_events*);
    int32_t (*events_read)(gpusvm_events, gpusvm_event*, uint32_t, uint64_t, uint64_t*);
    int32_t (*events_dropped)(gpusvm_events, uint32_t, uint64_t*);
    int32_t (*events_close)(gpusvm_events);
    int32_t (*prefetch_start)(gpusvm_memory, const gpusvm_interval*, uint64_t, uint32_t, gpusvm_prefetch_operation*);
    int32_t (*prefetch_wait)(gpusvm_prefetch_operation, uint32_t, gpusvm_prefetch_progress*);
    int32_t (*prefetch_cancel)(gpusvm_prefetch_operation);
    int32_t (*prefetch_end)(gpusvm_prefetch_operation);
    int32_t (*take_failed_faults)(gpusvm_memory, gpusvm_failed_fault*, uint32_t, uint64_t, uint64_t*, uint64_t*);
    int32_t (*advise)(gpusvm_memory, const void*, uint64_t, const gpusvm_advice*);
    int32_t (*launch_start_using)(gpusvm_memory, gpusvm_kernel, void*, uint64_t, const gpusvm_usage*, uint64_t, gpusvm_launch*);
    int32_t (*alloc_aligned)(gpusvm_memory, uint64_t, uint64_t, void**);
    int32_t (*device_read)(gpusvm_memory, uint32_t, uint64_t, void*, uint64_t, uint64_t*);
    int32_t (*device_write)(gpusvm_memory, uint32_t, uint64_t, const void*, uint64_t, uint64_t*);
    int32_t (*evict)(gpusvm_memory, uint32_t, const void*, uint64_t, uint64_t*);
    int32_t (*make_exclusive)(gpusvm_memory, uint32_t, const void*, uint64_t, uint64_t*);
    int32_t (*query)(gpusvm_memory, uint32_t, const void*, uint64_t, gpusvm_page_run*, uint32_t, uint64_t, uint64_t*);
    int32_t (*read_device)(gpusvm_memory, uint32_t, gpusvm_device_info*);
    int32_t (*queue_create)(gpusvm_memory, uint32_t, gpusvm_queue*);
    int32_t (*queue_destroy)(gpusvm_queue);
    int32_t (*queue_launch)(gpusvm_queue, gpusvm_kernel, void*, uint64_t, const gpusvm_launch_options*, gpusvm_launch*);
    int32_t (*queue_wait)(gpusvm_queue, uint32_t);
    int32_t (*userptr_register)(gpusvm_memory, void*, uint64_t, uint32_t, uint64_t*, gpusvm_userptr*);
    int32_t (*userptr_unregister)(gpusvm_userptr);
    int32_t (*set_log)(gpusvm_log, uint32_t, void*);
    int32_t (*attach)(gpusvm_memory, void*, uint64_t, uint32_t);
    int32_t (*detach)(gpusvm_memory, void*);
    int32_t (*vm_create)(gpusvm_memory, gpusvm_vm*);
    int32_t (*vm_destroy)(gpusvm_vm);
    int32_t (*vm_queue_create)(gpusvm_vm, uint32_t, gpusvm_queue*);
    int32_t (*vm_advise)(gpusvm_vm, const void*, uint64_t, const gpusvm_advice*);
    int32_t (*mirror_create)(gpusvm_memory, uint64_t, gpusvm_mirror*);
    int32_t (*mirror_destroy)(gpusvm_mirror);
    int32_t (*mirror_read)(gpusvm_mirror, const void*, uint64_t, void*, uint64_t*, uint64_t*);
    int32_t (*mirror_write)(gpusvm_mirror, void*, uint64_t, const void*, uint64_t*, uint64_t*);
    int32_t (*mirror_peek)(gpusvm_mirror, const void*, uint64_t, void*, uint64_t*);
    int32_t (*mirror_migrate)(gpusvm_mirror, const void*, uint64_t, uint32_t, uint64_t*);
    int32_t (*mirror_snapshot)(gpusvm_mirror, const void*, uint64_t, uint8_t*);
    int32_t (*trace_start)(gpusvm_memory, const char*, const gpusvm_trace_options*);
    int32_t (*trace_read)(gpusvm_memory, gpusvm_trace_status*);
    int32_t (*trace_stop)(gpusvm_memory, gpusvm_trace_status*);
} svm;

static char error_text[4096];

static const char* last_error(void)
{
    svm.last_error(error_text, sizeof error_text);
    return error_text;
}

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s is false; last error: %s\n", __FILE__, __LINE__, #condition, last_error()); \
            exit(1); \
        } \
    } while (0)

static void load(const char* path)
{
    void* library = dlopen(path, RTLD_NOW);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    static const char* const names[] = { "abi_version", "last_error", "open", "close", "memory_reason", "alloc", "free",
        "launch_start", "launch_wait", "prefetch", "read_statistics", "check", "probe",
        "inject", "inject_reset", "injections", "read_histogram", "events_open", "events_read", "events_dropped", "events_close",
        "prefetch_start", "prefetch_wait", "prefetch_cancel", "prefetch_end",
        "take_failed_faults", "advise", "launch_start_using",
        "alloc_aligned", "device_read", "device_write", "evict", "make_exclusive", "query", "read_device",
        "queue_create", "queue_destroy", "queue_launch", "queue_wait", "userptr_register", "userptr_unregister", "set_log",
        "attach", "detach", "vm_create", "vm_destroy", "vm_queue_create", "vm_advise", "mirror_create", "mirror_destroy", "mirror_read", "mirror_write", "mirror_peek", "mirror_migrate", "mirror_snapshot",
        "trace_start", "trace_read", "trace_stop" };
    void** slots = (void**)&svm;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "gpusvm_%s", names[i]);
        slots[i] = dlsym(library, name);
        if (slots[i] == NULL) {
            fprintf(stderr, "the library does not export %s\n", name);
            exit(1);
        }
    }
}

static inline gpusvm_options options_for(const char* memory)
{
    gpusvm_options options = { .struct_bytes = sizeof options, .device_memory_bytes = 4 << 20, .compute_units = 2 };
    options.memory_kind = strcmp(memory, "real") == 0 ? GPUSVM_MEMORY_REAL : GPUSVM_MEMORY_PORTABLE;
    return options;
}

static inline gpusvm_memory open_or_skip(const gpusvm_options* options)
{
    gpusvm_memory memory;
    int32_t status = svm.open(options, &memory);
    if (status == GPUSVM_NOT_SUPPORTED && options->memory_kind == GPUSVM_MEMORY_REAL) {
        printf("%s\n", last_error());
        exit(NOT_AVAILABLE);
    }
    CHECK(status == GPUSVM_DONE);
    return memory;
}

static inline void expect(int32_t status, int32_t expected, const char* words, const char* file, int line)
{
    if (status != expected || (status != GPUSVM_DONE && strstr(last_error(), words) == NULL)) {
        fprintf(stderr, "%s:%d: status %d instead of %d, or no \"%s\" in: %s\n", file, line, status, expected, words, last_error());
        exit(1);
    }
}

/* A status, and for a failure words that its sentence must have. */
#define EXPECT(call, expected, words) expect((call), (expected), (words), __FILE__, __LINE__)

static inline gpusvm_launch_result run(gpusvm_memory memory, gpusvm_kernel kernel, void* arguments, uint64_t groups)
{
    gpusvm_launch launch;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    CHECK(svm.launch_start(memory, kernel, arguments, groups, &launch) == GPUSVM_DONE);
    CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE);
    return result;
}
#endif
