/* SPDX-License-Identifier: MIT */
/* Two GPUs work on one array: each has half of it in its own memory, and the second half's sums wait for the first half's kernel, not for the program. */
#include <gpusvm.h>
#include <stdio.h>

enum { COUNT = 1 << 18, BLOCK = 4096, HALF = COUNT / 2 };

typedef struct {
    int64_t *numbers;
    int64_t *sum;
} work;

static void square(gpusvm_kernel_context *context, void *arguments)
{
    const work *job = arguments;
    int64_t block[BLOCK];
    uint64_t at = (uint64_t)(job->numbers + context->group_index * BLOCK);
    if (context->functions->read(context, at, block, sizeof block) != GPUSVM_DONE)
        return;
    for (int i = 0; i < BLOCK; i++)
        block[i] *= block[i];
    context->functions->write(context, at, block, sizeof block);
}

static void add_up(gpusvm_kernel_context *context, void *arguments)
{
    const work *job = arguments;
    int64_t block[BLOCK], sum = 0;
    if (context->functions->read(context, (uint64_t)(job->numbers + context->group_index * BLOCK), block, sizeof block) != GPUSVM_DONE)
        return;
    for (int i = 0; i < BLOCK; i++)
        sum += block[i];
    context->functions->atomic_add(context, (uint64_t)job->sum, sum, sizeof sum, NULL);
}

static int failed(void)
{
    char error[512];
    gpusvm_last_error(error, sizeof error);
    fprintf(stderr, "%s\n", error);
    return 1;
}

int main(void)
{
    gpusvm_options options = { .struct_bytes = sizeof options, .device_count = 2, .device_memory_bytes = 8 << 20 };
    gpusvm_memory memory;
    gpusvm_queue queues[2];
    gpusvm_launch squares[2], sum;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    work all, halves[2];
    if (gpusvm_open(&options, &memory) != GPUSVM_DONE || gpusvm_alloc(memory, COUNT * sizeof(int64_t), (void **)&all.numbers) != GPUSVM_DONE
        || gpusvm_alloc(memory, sizeof(int64_t), (void **)&all.sum) != GPUSVM_DONE)
        return failed();
    for (int64_t i = 0; i < COUNT; i++)
        all.numbers[i] = i;
    for (int gpu = 0; gpu < 2; gpu++) {
        halves[gpu] = (work){ all.numbers + gpu * HALF, all.sum };
        gpusvm_advice advice = { .struct_bytes = sizeof advice, .preferred = GPUSVM_PREFERRED_DEVICE + (uint32_t)gpu };
        if (gpusvm_advise(memory, halves[gpu].numbers, HALF * sizeof(int64_t), &advice) != GPUSVM_DONE || gpusvm_queue_create(memory, (uint32_t)gpu, &queues[gpu]) != GPUSVM_DONE
            || gpusvm_queue_launch(queues[gpu], square, &halves[gpu], HALF / BLOCK, NULL, &squares[gpu]) != GPUSVM_DONE)
            return failed();
    }
    /* GPU 1 adds all up once both are done; it reaches GPU 0's memory over the link. */
    gpusvm_launch_options after = { .struct_bytes = sizeof after, .waits = squares, .wait_count = 2 };
    if (gpusvm_queue_launch(queues[1], add_up, &all, COUNT / BLOCK, &after, &sum) != GPUSVM_DONE || gpusvm_launch_wait(sum, UINT32_MAX, &result) != GPUSVM_DONE)
        return failed();
    if (result.status != GPUSVM_DONE) {
        fprintf(stderr, "the launch failed: %s\n", result.message);
        return 1;
    }
    printf("the squares of 0 to %d add up to %lld\n", COUNT - 1, (long long)*all.sum);
    return gpusvm_close(memory) == GPUSVM_DONE ? 0 : 1;
}
