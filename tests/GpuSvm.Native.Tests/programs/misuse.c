/* SPDX-License-Identifier: MIT */
/* Every way to call the library wrongly that a C compiler lets through: a status and a sentence, never a crash. */
#include "load.h"

static void nothing(gpusvm_kernel_context* context, void* arguments)
{
    (void)context;
    (void)arguments;
}

static void fails(gpusvm_kernel_context* context, void* arguments)
{
    context->functions->fail(context, arguments);
}

static void bad_options(void)
{
    gpusvm_memory memory = 5;
    gpusvm_options options = options_for("portable");
    EXPECT(svm.open(&options, NULL), GPUSVM_INVALID_ARGUMENT, "NULL");
    options.struct_bytes = 4;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "sizeof(gpusvm_options)");
    CHECK(memory == 0);
    options = options_for("portable");
    options.device_memory_bytes = 100;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "4096");
    options.device_memory_bytes = UINT64_MAX - 4095;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "device memory");
    options = options_for("portable");
    options.capacity_bytes = UINT64_MAX;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "capacity");
    options = options_for("portable");
    options.memory_kind = 3;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "memory_kind");
    options = options_for("portable");
    options.compute_units = 1000;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "256");
    options = options_for("portable");
    options.largest_chunk_bytes = 12345;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "65536");
    options = options_for("portable");
    options.migration = 2;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "migration");
    options = options_for("portable");
    options.thrash = 3;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "thrash 3");
    options = options_for("portable");
    options.without_faults = 2;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "without_faults 2");
    options = options_for("portable");
    options.prefetch = 7;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "prefetch 7");
    options = options_for("portable");
    options.eviction = 6;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "eviction 6");
    options = options_for("portable");
    options.monitor = 3;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "monitor 3");
}

static void bad_handles(gpusvm_memory memory)
{
    void* pointer;
    gpusvm_launch launch;
    gpusvm_statistics statistics = { .struct_bytes = sizeof statistics };
    EXPECT(svm.close(memory), GPUSVM_INVALID_HANDLE, "no open shared memory");
    EXPECT(svm.alloc(memory, 1, &pointer), GPUSVM_INVALID_HANDLE, "no open shared memory");
    CHECK(pointer == NULL);
    EXPECT(svm.free(memory, &pointer), GPUSVM_INVALID_HANDLE, "no open shared memory");
    EXPECT(svm.launch_start(memory, nothing, NULL, 1, &launch), GPUSVM_INVALID_HANDLE, "no open shared memory");
    CHECK(launch == 0);
    EXPECT(svm.prefetch(memory, &pointer, 1, 0, NULL), GPUSVM_INVALID_HANDLE, "no open shared memory");
    EXPECT(svm.read_statistics(memory, &statistics), GPUSVM_INVALID_HANDLE, "no open shared memory");
    EXPECT(svm.check(memory), GPUSVM_INVALID_HANDLE, "no open shared memory");
    CHECK(svm.memory_reason(memory, NULL, 0) == 0);
    gpusvm_histogram histogram = { .struct_bytes = sizeof histogram };
    gpusvm_events events = 7;
    gpusvm_event event;
    uint64_t count = 7;
    EXPECT(svm.read_histogram(memory, 0, &histogram), GPUSVM_INVALID_HANDLE, "no open shared memory");
    EXPECT(svm.events_open(memory, 0, &events), GPUSVM_INVALID_HANDLE, "no open shared memory");
    CHECK(events == 0);
    EXPECT(svm.events_read(5, &event, sizeof event, 1, &count), GPUSVM_INVALID_HANDLE, "no stream");
    CHECK(count == 0);
    EXPECT(svm.events_dropped(5, 0, &count), GPUSVM_INVALID_HANDLE, "no stream");
    gpusvm_advice advice = { .struct_bytes = sizeof advice - 8 };
    EXPECT(svm.advise(5, &pointer, 1, NULL), GPUSVM_INVALID_ARGUMENT, "struct_bytes");
    EXPECT(svm.advise(5, &pointer, 1, &advice), GPUSVM_INVALID_ARGUMENT, "struct_bytes");
    advice.struct_bytes = sizeof advice;
    EXPECT(svm.advise(5, &pointer, 1, &advice), GPUSVM_INVALID_HANDLE, "no open shared memory");
    advice.preferred = 11;
    EXPECT(svm.advise(5, &pointer, 1, &advice), GPUSVM_INVALID_ARGUMENT, "preferred 11");
    advice.preferred = 0;
    advice.pinned = 3;
    EXPECT(svm.advise(5, &pointer, 1, &advice), GPUSVM_INVALID_ARGUMENT, "pinned");
    advice.pinned = 0;
    advice.atomics = 5;
    EXPECT(svm.advise(5, &pointer, 1, &advice), GPUSVM_INVALID_ARGUMENT, "atomics 5");
    advice.atomics = 0;
    advice.granularity_bytes = 12288;
    EXPECT(svm.advise(5, &pointer, 1, &advice), GPUSVM_INVALID_ARGUMENT, "granularity_bytes 12288");
    gpusvm_prefetch_operation operation;
    gpusvm_prefetch_progress progress = { .struct_bytes = sizeof progress - 8 };
    EXPECT(svm.prefetch_start(5, NULL, 0, 0, &operation), GPUSVM_INVALID_HANDLE, "no open shared memory");
    EXPECT(svm.prefetch_start(5, NULL, 1, 0, &operation), GPUSVM_INVALID_ARGUMENT, "NULL");
    EXPECT(svm.prefetch_wait(5, 0, &progress), GPUSVM_INVALID_ARGUMENT, "struct_bytes");
    progress.struct_bytes = sizeof progress;
    EXPECT(svm.prefetch_wait(5, 0, &progress), GPUSVM_INVALID_HANDLE, "no prefetch");
    EXPECT(svm.prefetch_cancel(5), GPUSVM_INVALID_HANDLE, "no prefetch");
    gpusvm_failed_fault failed;
    uint64_t taken, dropped;
    EXPECT(svm.take_failed_faults(5, &failed, sizeof failed, 1, &taken, &dropped), GPUSVM_INVALID_HANDLE, "no open shared memory");
    EXPECT(svm.take_failed_faults(5, &failed, 8, 1, &taken, &dropped), GPUSVM_INVALID_ARGUMENT, "fault_bytes");
    EXPECT(svm.take_failed_faults(5, NULL, sizeof failed, 1, &taken, &dropped), GPUSVM_INVALID_ARGUMENT, "NULL");
    EXPECT(svm.prefetch_end(5), GPUSVM_INVALID_HANDLE, "no prefetch");
    EXPECT(svm.events_close(5), GPUSVM_INVALID_HANDLE, "no stream");
    gpusvm_trace_options tracing = { .struct_bytes = sizeof tracing - 4 };
    gpusvm_trace_status traced = { .struct_bytes = sizeof traced - 4 };
    EXPECT(svm.trace_start(5, "never.gsvmtrace", NULL), GPUSVM_INVALID_HANDLE, "no open shared memory");
    EXPECT(svm.trace_start(5, "never.gsvmtrace", &tracing), GPUSVM_INVALID_ARGUMENT, "struct_bytes");
    EXPECT(svm.trace_start(5, "", NULL), GPUSVM_INVALID_ARGUMENT, "no file");
    EXPECT(svm.trace_start(5, NULL, NULL), GPUSVM_INVALID_ARGUMENT, "no file");
    EXPECT(svm.trace_read(5, NULL), GPUSVM_INVALID_ARGUMENT, "struct_bytes");
    EXPECT(svm.trace_read(5, &traced), GPUSVM_INVALID_ARGUMENT, "struct_bytes");
    EXPECT(svm.trace_stop(5, &traced), GPUSVM_INVALID_ARGUMENT, "struct_bytes");
    EXPECT(svm.trace_stop(5, NULL), GPUSVM_INVALID_HANDLE, "no open shared memory");
}

static void bad_work(gpusvm_memory memory)
{
    void* pointer;
    uint64_t moved = 1;
    gpusvm_launch launch;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    EXPECT(svm.alloc(memory, 1, NULL), GPUSVM_INVALID_ARGUMENT, "NULL");
    EXPECT(svm.alloc(memory, 0, &pointer), GPUSVM_INVALID_ARGUMENT, "at least 1");
    EXPECT(svm.alloc(memory, UINT64_MAX, &pointer), GPUSVM_OUT_OF_HOST_MEMORY, "capacity");
    CHECK(pointer == NULL);

    CHECK(svm.alloc(memory, 10000, &pointer) == GPUSVM_DONE);
    memset(pointer, 7, 10000);
    EXPECT(svm.free(memory, (char*)pointer + 4096), GPUSVM_INVALID_HANDLE, "not an allocation");
    EXPECT(svm.free(memory, NULL), GPUSVM_INVALID_HANDLE, "not an allocation");
    EXPECT(svm.prefetch(memory, pointer, 10000, 2, &moved), GPUSVM_INVALID_ARGUMENT, "location");
    EXPECT(svm.prefetch(memory, pointer, 0, 1, &moved), GPUSVM_INVALID_ARGUMENT, "at least 1");
    EXPECT(svm.prefetch(memory, pointer, 20000, 1, &moved), GPUSVM_NOT_MAPPED, "one allocation");
    EXPECT(svm.prefetch(memory, &pointer, 1, 1, &moved), GPUSVM_NOT_MAPPED, "one allocation");
    CHECK(moved == 0);

    EXPECT(svm.launch_start(memory, NULL, NULL, 1, &launch), GPUSVM_INVALID_ARGUMENT, "NULL");
    EXPECT(svm.launch_start(memory, nothing, NULL, 1, NULL), GPUSVM_INVALID_ARGUMENT, "NULL");
    EXPECT(svm.launch_start(memory, nothing, NULL, 0, &launch), GPUSVM_INVALID_ARGUMENT, "at least 1");
    gpusvm_usage usage = {pointer, 100, 0, 0};
    EXPECT(svm.launch_start_using(memory, NULL, NULL, 1, &usage, 1, &launch), GPUSVM_INVALID_ARGUMENT, "NULL");
    EXPECT(svm.launch_start_using(memory, nothing, NULL, 1, NULL, 1, &launch), GPUSVM_INVALID_ARGUMENT, "NULL");
    EXPECT(svm.launch_start_using(memory, nothing, NULL, 0, &usage, 1, &launch), GPUSVM_INVALID_ARGUMENT, "at least 1");
    EXPECT(svm.launch_start_using(memory, nothing, NULL, 1, &usage, 65537, &launch), GPUSVM_INVALID_ARGUMENT, "too many");
    usage.access = 3;
    EXPECT(svm.launch_start_using(memory, nothing, NULL, 1, &usage, 1, &launch), GPUSVM_INVALID_ARGUMENT, "access 3");
    usage.access = 1;
    usage.bytes = 20000;
    EXPECT(svm.launch_start_using(memory, nothing, NULL, 1, &usage, 1, &launch), GPUSVM_NOT_MAPPED, "one allocation");
    CHECK(svm.launch_start(memory, nothing, NULL, 3, &launch) == GPUSVM_DONE);
    EXPECT(svm.launch_wait(launch, UINT32_MAX, NULL), GPUSVM_INVALID_ARGUMENT, "gpusvm_launch_result");
    CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE);
    CHECK(result.status == GPUSVM_DONE && result.message[0] == 0 && result.elapsed_ns > 0);
    EXPECT(svm.launch_wait(launch, 0, &result), GPUSVM_INVALID_HANDLE, "waited for already");

    char words[600];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = 0;
    result = run(memory, fails, words, 5);
    CHECK(result.status == GPUSVM_KERNEL_FAILED && result.fault_address == 0);
    CHECK(strlen(result.message) == 255);

    for (int i = 0; i < 10000; i++)
        CHECK(((char*)pointer)[i] == 7);
    CHECK(svm.free(memory, pointer) == GPUSVM_DONE);
    EXPECT(svm.free(memory, pointer), GPUSVM_INVALID_HANDLE, "freed before");
}

int main(int count, char** arguments)
{
    (void)count;
    load(arguments[1]);
    CHECK(svm.abi_version() == GPUSVM_ABI_VERSION);
    CHECK(svm.last_error(NULL, 0) == 0);
    bad_options();
    bad_handles(0);
    bad_handles(UINT64_MAX);

    gpusvm_options options = options_for("portable");
    gpusvm_memory memory = open_or_skip(&options);
    bad_work(memory);
    char reason[8];
    uint64_t length = svm.memory_reason(memory, reason, sizeof reason);
    CHECK(length > sizeof reason && strlen(reason) == sizeof reason - 1);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    bad_handles(memory);

    char small[4] = "xyz";
    CHECK(svm.probe(small, sizeof small) > 3 && small[0] == '[' && small[3] == 0);
    return 0;
}
