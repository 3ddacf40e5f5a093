/* SPDX-License-Identifier: MIT */
/* Several GPU address spaces over one memory: page tables and wishes of their own, the same bytes; they come and go while others run. */
#include <pthread.h>

#include "load.h"

#define COUNT (1 << 16)
#define ROUNDS 8

typedef struct {
    gpusvm_memory memory;
    int64_t* data;
    uint32_t device;
} worker_t;

/* Adds one to every number, a group's share of them. */
static void raise_all(gpusvm_kernel_context* context, void* data)
{
    int64_t block[512];
    for (uint64_t at = context->group_index * 512; at < COUNT; at += context->group_count * 512) {
        uint64_t address = (uint64_t)data + at * 8;
        if (context->functions->read(context, address, block, sizeof block) != GPUSVM_DONE)
            return;
        for (int i = 0; i < 512; i++)
            block[i]++;
        if (context->functions->write(context, address, block, sizeof block) != GPUSVM_DONE)
            return;
    }
}

static void count_up(gpusvm_kernel_context* context, void* number)
{
    for (int i = 0; i < 500; i++) {
        if (context->functions->atomic_add(context, (uint64_t)number, 1, 8, NULL) != GPUSVM_DONE)
            return;
    }
}

static int32_t run_in(gpusvm_queue queue, gpusvm_kernel kernel, void* arguments, gpusvm_usage* usage)
{
    gpusvm_launch launch;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    gpusvm_launch_options options = { .struct_bytes = sizeof options, .usages = usage, .usage_count = usage != NULL };
    CHECK(svm.queue_launch(queue, kernel, arguments, 4, &options, &launch) == GPUSVM_DONE);
    CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE);
    return result.status;
}

/* Makes an address space, works in it, and ends it, again and again, while others do the same. */
static void* come_and_go(void* argument)
{
    worker_t* worker = argument;
    for (int round = 0; round < ROUNDS; round++) {
        gpusvm_vm vm;
        gpusvm_queue queue;
        gpusvm_usage whole = { .pointer = worker->data, .bytes = COUNT * 8, .access = 1 };
        CHECK(svm.vm_create(worker->memory, &vm) == GPUSVM_DONE);
        CHECK(svm.vm_queue_create(vm, worker->device, &queue) == GPUSVM_DONE);
        CHECK(run_in(queue, raise_all, worker->data, &whole) == GPUSVM_DONE);
        if (round % 2 == 0)
            CHECK(svm.queue_destroy(queue) == GPUSVM_DONE);
        CHECK(svm.vm_destroy(vm) == GPUSVM_DONE);
    }
    return NULL;
}

int main(int argc, char** argv)
{
    (void)argc;
    load(argv[1]);
    gpusvm_options options = options_for(argv[2]);
    options.device_count = 2;
    options.without_faults = strcmp(argv[3], "nofaults") == 0;
    gpusvm_memory memory = open_or_skip(&options);

    /* Three at once on one number, one of them the memory's first. */
    int64_t* number;
    CHECK(svm.alloc(memory, 4096, (void**)&number) == GPUSVM_DONE);
    gpusvm_vm vms[2];
    gpusvm_queue queues[3];
    gpusvm_launch launches[3];
    gpusvm_usage usage = { .pointer = number, .bytes = 8, .access = 2 };
    gpusvm_launch_options named = { .struct_bytes = sizeof named, .usages = &usage, .usage_count = 1 };
    CHECK(svm.vm_create(memory, &vms[0]) == GPUSVM_DONE && svm.vm_create(memory, &vms[1]) == GPUSVM_DONE && vms[0] != vms[1]);
    CHECK(svm.queue_create(memory, 0, &queues[0]) == GPUSVM_DONE);
    CHECK(svm.vm_queue_create(vms[0], 0, &queues[1]) == GPUSVM_DONE);
    CHECK(svm.vm_queue_create(vms[1], 1, &queues[2]) == GPUSVM_DONE);
    for (int i = 0; i < 3; i++)
        CHECK(svm.queue_launch(queues[i], count_up, number, 2, &named, &launches[i]) == GPUSVM_DONE);
    for (int i = 0; i < 3; i++) {
        gpusvm_launch_result result = { .struct_bytes = sizeof result };
        CHECK(svm.launch_wait(launches[i], UINT32_MAX, &result) == GPUSVM_DONE && result.status == GPUSVM_DONE);
    }
    CHECK(*number == 3 * 2 * 500);

    /* Wishes are an address space's own: the CPU's atomics alone in one, anybody's in the other. */
    gpusvm_advice advice = { .struct_bytes = sizeof advice, .atomics = GPUSVM_ATOMICS_SYSTEM };
    CHECK(svm.vm_advise(vms[0], number, 8, &advice) == GPUSVM_DONE);
    if (!options.without_faults) {
        CHECK(run_in(queues[1], count_up, number, &usage) == GPUSVM_ACCESS_DENIED);
        CHECK(run_in(queues[2], count_up, number, &usage) == GPUSVM_DONE);
    }

    /* They come and go while the others work, and what is freed is gone for all. */
    pthread_t threads[2];
    worker_t workers[2];
    for (int i = 0; i < 2; i++) {
        workers[i] = (worker_t) { .memory = memory, .device = (uint32_t)i };
        CHECK(svm.alloc(memory, COUNT * 8, (void**)&workers[i].data) == GPUSVM_DONE);
        pthread_create(&threads[i], NULL, come_and_go, &workers[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        for (int at = 0; at < COUNT; at++)
            CHECK(workers[i].data[at] == ROUNDS);
    }
    CHECK(svm.free(memory, workers[0].data) == GPUSVM_DONE);
    if (!options.without_faults)
        CHECK(run_in(queues[2], raise_all, workers[0].data, NULL) == GPUSVM_NOT_MAPPED);
    CHECK(svm.check(memory) == GPUSVM_DONE);

    /* One that is gone takes its queues along. */
    CHECK(svm.vm_destroy(vms[0]) == GPUSVM_DONE);
    EXPECT(svm.vm_destroy(vms[0]), GPUSVM_INVALID_HANDLE, "no address space");
    EXPECT(svm.vm_queue_create(vms[0], 0, &queues[1]), GPUSVM_INVALID_HANDLE, "no address space");
    EXPECT(svm.vm_advise(vms[0], number, 8, &advice), GPUSVM_INVALID_HANDLE, "no address space");
    CHECK(svm.queue_wait(queues[1], 0) == GPUSVM_INVALID_HANDLE);
    EXPECT(svm.vm_create(memory, NULL), GPUSVM_INVALID_ARGUMENT, "NULL");
    EXPECT(svm.vm_queue_create(vms[1], 2, &queues[1]), GPUSVM_INVALID_ARGUMENT, "Device 2");
    CHECK(run_in(queues[0], count_up, number, &usage) == GPUSVM_DONE); /* The first goes on. */
    int made = 0;
    gpusvm_vm many[40];
    while (svm.vm_create(memory, &many[made]) == GPUSVM_DONE)
        made++;
    CHECK(made == 31 && strstr(last_error(), "at most 32") != NULL);
    CHECK(svm.close(memory) == GPUSVM_DONE); /* With 32 of them. */
    return 0;
}
