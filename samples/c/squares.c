/* SPDX-License-Identifier: MIT */
#include <gpusvm.h>
#include <stdio.h>

enum { COUNT = 1 << 20, GROUPS = 64 };

/* Runs once for each group, on any unit. A window is a pointer to as much as one translation covers. */
static void square(gpusvm_kernel_context *context, void *arguments)
{
    uint64_t at = *(uint64_t *)arguments + context->group_index * (COUNT / GROUPS) * sizeof(int64_t);
    uint64_t end = at + COUNT / GROUPS * sizeof(int64_t);
    while (at < end) {
        gpusvm_window window = { .address = at, .bytes = end - at, .access = 1 };
        if (context->functions->windows(context, &window, 1) != GPUSVM_DONE)
            return; /* The launch fails with the address. */
        int64_t *numbers = window.pointer;
        for (uint64_t i = 0; i < window.bytes / sizeof *numbers; i++)
            numbers[i] *= numbers[i];
        at += window.bytes;
    }
}

int main(void)
{
    gpusvm_memory memory;
    gpusvm_launch launch;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    int64_t *numbers;
    if (gpusvm_open(NULL, &memory) != GPUSVM_DONE || gpusvm_alloc(memory, COUNT * sizeof *numbers, (void **)&numbers) != GPUSVM_DONE) {
        char error[512];
        gpusvm_last_error(error, sizeof error);
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    for (int64_t i = 0; i < COUNT; i++)
        numbers[i] = i;
    if (gpusvm_launch_start(memory, square, &(uint64_t){ (uint64_t)numbers }, GROUPS, &launch) != GPUSVM_DONE
        || gpusvm_launch_wait(launch, UINT32_MAX, &result) != GPUSVM_DONE || result.status != GPUSVM_DONE) {
        fprintf(stderr, "the launch failed: %s\n", result.message);
        return 1;
    }
    printf("1000 squared is %lld\n", (long long)numbers[1000]);
    return gpusvm_close(memory) == GPUSVM_DONE ? 0 : 1;
}
