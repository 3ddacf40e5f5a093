/* SPDX-License-Identifier: MIT */
/* An array from malloc, used by the GPU where it is: nothing is copied or moved, and both sides see each other's writes. */
#include <gpusvm.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 1 << 18, BLOCK = 4096 };

/* Doubles a block of numbers. */
static void twice(gpusvm_kernel_context *context, void *arguments)
{
    float block[BLOCK];
    uint64_t at = *(uint64_t *)arguments + context->group_index * sizeof block;
    if (context->functions->read(context, at, block, sizeof block) != GPUSVM_DONE)
        return; /* The launch fails with the address. */
    for (int i = 0; i < BLOCK; i++)
        block[i] *= 2;
    context->functions->write(context, at, block, sizeof block);
}

int main(void)
{
    gpusvm_memory memory;
    gpusvm_userptr userptr;
    gpusvm_launch launch;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    uint64_t address; /* Where kernels find the array. */
    float *numbers = malloc(COUNT * sizeof *numbers);
    if (numbers == NULL || gpusvm_open(NULL, &memory) != GPUSVM_DONE || gpusvm_userptr_register(memory, numbers, COUNT * sizeof *numbers, 0, &address, &userptr) != GPUSVM_DONE) {
        char error[512];
        gpusvm_last_error(error, sizeof error);
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    for (int i = 0; i < COUNT; i++)
        numbers[i] = (float)i;
    if (gpusvm_launch_start(memory, twice, &address, COUNT / BLOCK, &launch) != GPUSVM_DONE
        || gpusvm_launch_wait(launch, UINT32_MAX, &result) != GPUSVM_DONE || result.status != GPUSVM_DONE) {
        fprintf(stderr, "the launch failed: %s\n", result.message);
        return 1;
    }
    printf("twice 1000 is %g\n", numbers[1000]);
    if (gpusvm_userptr_unregister(userptr) != GPUSVM_DONE || gpusvm_close(memory) != GPUSVM_DONE)
        return 1;
    free(numbers);
    return 0;
}
