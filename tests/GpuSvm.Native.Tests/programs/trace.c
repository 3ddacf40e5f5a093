/* SPDX-License-Identifier: MIT */
/*
 * Recording from C. Arguments: the memory, a file, and what to do: "stop" begins and ends a recording in the middle of a run, "close" leaves the end to gpusvm_close,
 * "run" begins none itself (the environment may) and works, "forever" says "ready" and works until it is killed.
 */
#include "load.h"

enum { COUNT = 1 << 19, GROUPS = 32 };

static void touch(gpusvm_kernel_context* context, void* arguments)
{
    enum { EACH = COUNT / GROUPS };
    int64_t value = (int64_t)context->group_index;
    for (uint64_t i = 0; i < EACH; i += 512)
        context->functions->write(context, (uint64_t)arguments + (context->group_index * EACH + i) * sizeof value, &value, sizeof value);
}

static void work(gpusvm_memory memory, int64_t* numbers)
{
    for (int i = 0; i < COUNT; i += 512)
        numbers[i]++;
    CHECK(run(memory, touch, numbers, GROUPS).status == GPUSVM_DONE);
}

int main(int argument_count, char** arguments)
{
    CHECK(argument_count == 5);
    load(arguments[1]);
    gpusvm_options options = options_for(arguments[2]);
    options.device_memory_bytes = 2 << 20;
    options.largest_chunk_bytes = 65536;
    options.compute_units = 1;
    const char* file = arguments[3];
    const char* what = arguments[4];
    gpusvm_memory memory = open_or_skip(&options);
    int64_t* numbers;
    gpusvm_trace_status status = { .struct_bytes = sizeof status };
    CHECK(svm.alloc(memory, COUNT * sizeof *numbers, (void**)&numbers) == GPUSVM_DONE);
    if (strcmp(what, "run") == 0) {
        work(memory, numbers);
        CHECK(svm.close(memory) == GPUSVM_DONE);
        return 0;
    }

    EXPECT(svm.trace_read(memory, &status), GPUSVM_INVALID_HANDLE, "not being recorded");
    EXPECT(svm.trace_stop(memory, NULL), GPUSVM_INVALID_HANDLE, "not being recorded");
    EXPECT(svm.trace_start(memory, "/nowhere/at/all.gsvmtrace", NULL), GPUSVM_INVALID_ARGUMENT, "/nowhere/at/all.gsvmtrace");
    gpusvm_trace_options bad = { .struct_bytes = sizeof bad, .buffer_records = 1 };
    EXPECT(svm.trace_start(memory, file, &bad), GPUSVM_INVALID_ARGUMENT, "buffer_records 1");
    work(memory, numbers); /* What is there when it begins is told too. */
    gpusvm_trace_options tracing = { .struct_bytes = sizeof tracing, .accesses_every = 16 };
    CHECK(svm.trace_start(memory, file, &tracing) == GPUSVM_DONE);
    EXPECT(svm.trace_start(memory, file, NULL), GPUSVM_INVALID_ARGUMENT, "already");
    if (strcmp(what, "forever") == 0) {
        printf("ready\n");
        fflush(stdout);
        while (1)
            work(memory, numbers);
    }

    work(memory, numbers);
    CHECK(svm.trace_read(memory, &status) == GPUSVM_DONE && status.is_running == 1);
    if (strcmp(what, "stop") == 0) {
        CHECK(svm.trace_stop(memory, &status) == GPUSVM_DONE && status.is_running == 0 && status.records > 100 && status.bytes > 500 && status.lost == 0);
        EXPECT(svm.trace_stop(memory, &status), GPUSVM_INVALID_HANDLE, "not being recorded");
        work(memory, numbers);
    }

    CHECK(svm.close(memory) == GPUSVM_DONE);
    return 0;
}
