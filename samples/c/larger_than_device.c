/* SPDX-License-Identifier: MIT */
/* Data four times as large as the device's memory: what does not fit is evicted and comes back by itself. */
#include <gpusvm.h>
#include <stdio.h>

enum { DEVICE_BYTES = 16 << 20, COUNT = 4 * DEVICE_BYTES / sizeof(int64_t), GROUPS = 64, ROUNDS = 3 };

/* Adds one to each number of the group's share, window by window: each is as much as one translation covers. */
static void increment(gpusvm_kernel_context *context, void *arguments)
{
    uint64_t at = *(uint64_t *)arguments + context->group_index * (COUNT / GROUPS) * sizeof(int64_t);
    uint64_t end = at + COUNT / GROUPS * sizeof(int64_t);
    while (at < end) {
        gpusvm_window window = { .address = at, .bytes = end - at, .access = 1 };
        if (context->functions->windows(context, &window, 1) != GPUSVM_DONE)
            return; /* The launch fails with the address. */
        int64_t *numbers = window.pointer;
        for (uint64_t i = 0; i < window.bytes / sizeof *numbers; i++)
            numbers[i]++;
        at += window.bytes;
    }
}

static int failed(const char *what)
{
    char error[512];
    gpusvm_last_error(error, sizeof error);
    fprintf(stderr, "%s: %s\n", what, error);
    return 1;
}

int main(void)
{
    gpusvm_options options = { .struct_bytes = sizeof options, .device_memory_bytes = DEVICE_BYTES };
    gpusvm_statistics statistics = { .struct_bytes = sizeof statistics };
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    gpusvm_memory memory;
    gpusvm_launch launch;
    int64_t *numbers;
    if (gpusvm_open(&options, &memory) != GPUSVM_DONE || gpusvm_alloc(memory, COUNT * sizeof *numbers, (void **)&numbers) != GPUSVM_DONE)
        return failed("no shared memory");
    for (int64_t i = 0; i < COUNT; i++)
        numbers[i] = i;
    for (int round = 0; round < ROUNDS; round++) {
        if (gpusvm_launch_start(memory, increment, &(uint64_t){ (uint64_t)numbers }, GROUPS, &launch) != GPUSVM_DONE
            || gpusvm_launch_wait(launch, UINT32_MAX, &result) != GPUSVM_DONE || result.status != GPUSVM_DONE)
            return failed(result.message);
    }
    for (int64_t i = 0; i < COUNT; i++) {
        if (numbers[i] != i + ROUNDS)
            return failed("a number is wrong");
    }
    if (gpusvm_read_statistics(memory, &statistics) != GPUSVM_DONE)
        return failed("no statistics");
    printf("%d MiB of data, %llu MiB of device memory: all numbers are right\n", (int)(COUNT * sizeof *numbers >> 20), (unsigned long long)(statistics.device_bytes_total >> 20));
    printf("%llu blocks were evicted to make room\n", (unsigned long long)statistics.evictions);
    return gpusvm_close(memory) == GPUSVM_DONE ? 0 : 1;
}
