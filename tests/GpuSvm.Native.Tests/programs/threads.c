/* SPDX-License-Identifier: MIT */
/* POSIX threads and kernels count on the same pages at the same time, in words of their own; the pages do not all fit on the device. */
#include <pthread.h>

#include "load.h"

#define PAGES 64
#define ADDS 200
#define THREADS 3

static int64_t* counters;

static void* add(void* unused)
{
    (void)unused;
    for (int i = 0; i < ADDS * PAGES; i++)
        __atomic_fetch_add(&counters[i % PAGES * 512], 1, __ATOMIC_RELAXED);
    return NULL;
}

static void kernel(gpusvm_kernel_context* context, void* arguments)
{
    (void)arguments;
    for (int i = 0; i < ADDS; i++) {
        if (context->functions->atomic_add(context, (uint64_t)&counters[context->group_index * 512 + 1], 1, 8, NULL) != GPUSVM_DONE)
            return;
    }
}

int main(int count, char** arguments)
{
    CHECK(count == 2);
    load(arguments[1]);
    gpusvm_options options = options_for("real");
    options.device_memory_bytes = PAGES / 4 * 4096;
    options.largest_chunk_bytes = 4096;
    gpusvm_memory memory = open_or_skip(&options);
    CHECK(svm.alloc(memory, PAGES * 4096, (void**)&counters) == GPUSVM_DONE);
    pthread_t threads[THREADS];
    gpusvm_launch launch;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    CHECK(svm.launch_start(memory, kernel, NULL, PAGES, &launch) == GPUSVM_DONE);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, add, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE);
    CHECK(result.status == GPUSVM_DONE);
    for (int i = 0; i < PAGES; i++)
        CHECK(counters[i * 512] == ADDS * THREADS && counters[i * 512 + 1] == ADDS);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    return 0;
}
