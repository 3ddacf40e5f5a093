/* SPDX-License-Identifier: MIT */
/* Failures on purpose from C: a call that fails says so and succeeds the next time, a launch names its status, and no byte is lost. The second argument is the memory. */
#include "load.h"

enum { COUNT = 200000, GROUPS = 40 };

static const char* points(void)
{
    static char text[16384];
    CHECK(svm.injections(text, sizeof text) < sizeof text);
    return text;
}

/* The number behind a point's name and a member's, as {"name":"X","where":"..","hits":3,"waiting":0}. */
static long number_of(const char* point, const char* member)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"name\":\"%s\"", point);
    const char* at = strstr(points(), wanted);
    CHECK(at != NULL);
    snprintf(wanted, sizeof wanted, "\"%s\":", member);
    at = strstr(at, wanted);
    CHECK(at != NULL);
    return strtol(at + strlen(wanted), NULL, 10);
}

static void increment(gpusvm_kernel_context* context, void* arguments)
{
    enum { EACH = COUNT / GROUPS };
    uint64_t at = (uint64_t)arguments + context->group_index * EACH * sizeof(int64_t);
    int64_t numbers[EACH];
    if (context->functions->read(context, at, numbers, sizeof numbers) != GPUSVM_DONE)
        return;
    for (int i = 0; i < EACH; i++)
        numbers[i]++;
    context->functions->write(context, at, numbers, sizeof numbers);
}

static void wrong_calls(void)
{
    CHECK(svm.inject(NULL, 1) == GPUSVM_INVALID_ARGUMENT);
    CHECK(svm.inject("NoSuchPoint", 1) == GPUSVM_INVALID_ARGUMENT && strstr(last_error(), "CopyToDevice") != NULL);
    CHECK(svm.inject("3", 1) == GPUSVM_INVALID_ARGUMENT);
    CHECK(svm.inject("CopyToDevice", 0) == GPUSVM_INVALID_ARGUMENT && strstr(last_error(), "1 is the next") != NULL);
    CHECK(svm.inject_reset(2) == GPUSVM_INVALID_ARGUMENT);
    for (int i = 0; i < 16; i++)
        CHECK(svm.inject("copytodevice", 1000000) == GPUSVM_DONE);
    CHECK(svm.inject("CopyToDevice", 1) == GPUSVM_INVALID_ARGUMENT && strstr(last_error(), "16") != NULL);
    CHECK(number_of("CopyToDevice", "waiting") == 16);
    CHECK(svm.inject_reset(0) == GPUSVM_DONE);
    CHECK(number_of("CopyToDevice", "waiting") == 0);
}

int main(int count, char** arguments)
{
    (void)count;
    load(arguments[1]);
    wrong_calls();
    gpusvm_options options = options_for(arguments[2]);
    options.device_memory_bytes = 1 << 20;
    options.largest_chunk_bytes = 65536;
    gpusvm_memory memory = open_or_skip(&options);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    CHECK(svm.inject("PagemapCreate", 1) == GPUSVM_DONE);
    CHECK(svm.open(&options, &memory) == GPUSVM_OUT_OF_HOST_MEMORY && memory == 0);
    CHECK(svm.open(&options, &memory) == GPUSVM_DONE);

    int64_t* numbers;
    CHECK(svm.inject("HostAllocate", 1) == GPUSVM_DONE);
    CHECK(svm.alloc(memory, COUNT * sizeof *numbers, (void**)&numbers) == GPUSVM_OUT_OF_HOST_MEMORY && numbers == NULL);
    CHECK(svm.alloc(memory, COUNT * sizeof *numbers, (void**)&numbers) == GPUSVM_DONE);
    for (int i = 0; i < COUNT; i++)
        numbers[i] = i;

    /* Where there is another way, the launch takes it; where there is none, it fails with the status, and may be started again. */
    static const char* const ways[] = { "DeviceAllocate", "CopyToDevice", "CopyToHost", "FenceWait", "HostDetach", "HostStaging", "HostAttach", "HostPending" };
    int64_t done = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++, done++) {
        nanosleep(&(struct timespec){ .tv_nsec = 60000000 }, NULL); /* What the CPU has called home a moment ago would stay there, and nothing would move. */
        CHECK(svm.inject_reset(1) == GPUSVM_DONE);
        CHECK(svm.inject(ways[i], 1) == GPUSVM_DONE);
        CHECK(svm.inject(ways[i], 5) == GPUSVM_DONE);
        gpusvm_launch_result result = run(memory, increment, numbers, GROUPS);
        if (result.status != GPUSVM_DONE)
            fprintf(stderr, "%s: %s\n", ways[i], result.message);
        CHECK(result.status == GPUSVM_DONE);
        CHECK(number_of(ways[i], "hits") > 0 && number_of(ways[i], "waiting") < 2);
        CHECK(svm.inject_reset(0) == GPUSVM_DONE);
        for (int j = 0; j < COUNT; j++)
            CHECK(numbers[j] == j + done + 1);
        CHECK(svm.check(memory) == GPUSVM_DONE);
        CHECK(number_of(ways[i], "hits") == 0); /* At rest nothing is counted. */
    }

    gpusvm_memory other;
    CHECK(svm.open(&options, &other) == GPUSVM_DONE);
    int64_t* fresh;
    CHECK(svm.alloc(other, COUNT * sizeof *fresh, (void**)&fresh) == GPUSVM_DONE);
    CHECK(svm.inject("PageTablePrepare", 1) == GPUSVM_DONE);
    gpusvm_launch_result failed = run(other, increment, fresh, 1);
    CHECK(failed.status == GPUSVM_OUT_OF_HOST_MEMORY && failed.message[0] != 0 && failed.fault_address >= (uint64_t)fresh);
    CHECK(run(other, increment, fresh, 1).status == GPUSVM_DONE);
    CHECK(fresh[0] == 1 && fresh[COUNT - 1] == 0);
    CHECK(svm.inject("HostFree", 1) == GPUSVM_DONE);
    CHECK(svm.free(other, fresh) == GPUSVM_OUT_OF_HOST_MEMORY);
    CHECK(svm.free(other, fresh) == GPUSVM_DONE);
    CHECK(svm.inject_reset(0) == GPUSVM_DONE);
    CHECK(svm.check(other) == GPUSVM_DONE && svm.close(other) == GPUSVM_DONE);
    CHECK(svm.check(memory) == GPUSVM_DONE && svm.close(memory) == GPUSVM_DONE);
    return 0;
}
