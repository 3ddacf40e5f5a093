/* SPDX-License-Identifier: MIT */
/*
 * Streaming kernels in C for `gpusvm bench`, and touches by a thread of C. The kernels reach shared memory through windows, so that data is computed on where it lies.
 * A group works on group_elements elements; windows are opened together and used up to the end of the shortest.
 */
#define _GNU_SOURCE
#include "gpusvm.h"
#include <pthread.h>
#include <time.h>

#define READ 0
#define WRITE 1

/* What a launch works on; the layout is repeated in NativeAccessKernels. */
struct access_arguments {
    uint64_t a, b, c;           /* addresses of arrays of doubles */
    uint64_t length;            /* elements of each */
    uint64_t group_elements;    /* elements of a group */
    double factor;
    double* sums;               /* private memory: one per group */
};

/* The group's first element and the one behind its last. */
static void stretch(const gpusvm_kernel_context* context, const struct access_arguments* arguments, uint64_t* start, uint64_t* end)
{
    *start = context->group_index * arguments->group_elements;
    *end = *start + arguments->group_elements;
    if (*end > arguments->length)
        *end = arguments->length;
}

/* a = b + factor * c */
void access_triad(gpusvm_kernel_context* context, void* pointer)
{
    const struct access_arguments* arguments = pointer;
    uint64_t start, end;
    stretch(context, arguments, &start, &end);
    while (start < end) {
        uint64_t wanted = (end - start) * sizeof(double);
        gpusvm_window windows[3] = {
            { arguments->a + start * sizeof(double), wanted, WRITE, 0, 0 },
            { arguments->b + start * sizeof(double), wanted, READ, 0, 0 },
            { arguments->c + start * sizeof(double), wanted, READ, 0, 0 },
        };
        if (context->functions->windows(context, windows, 3) != GPUSVM_DONE)
            return;
        uint64_t bytes = windows[0].bytes;
        for (int which = 1; which < 3; which++)
            bytes = windows[which].bytes < bytes ? windows[which].bytes : bytes;
        double* restrict a = windows[0].pointer;
        const double* restrict b = windows[1].pointer;
        const double* restrict c = windows[2].pointer;
        uint64_t count = bytes / sizeof(double);
        for (uint64_t index = 0; index < count; index++)
            a[index] = b[index] + arguments->factor * c[index];
        start += count;
    }
}

/* The sum of b, kept in eight parts so that additions do not wait for one another. */
void access_sum(gpusvm_kernel_context* context, void* pointer)
{
    const struct access_arguments* arguments = pointer;
    uint64_t start, end;
    double parts[8] = { 0 };
    stretch(context, arguments, &start, &end);
    while (start < end) {
        gpusvm_window window = { arguments->b + start * sizeof(double), (end - start) * sizeof(double), READ, 0, 0 };
        if (context->functions->windows(context, &window, 1) != GPUSVM_DONE)
            return;
        const double* b = window.pointer;
        uint64_t count = window.bytes / sizeof(double);
        uint64_t index = 0;
        for (; index + 8 <= count; index += 8)
            for (int part = 0; part < 8; part++)
                parts[part] += b[index + part];
        for (; index < count; index++)
            parts[0] += b[index];
        start += count;
    }
    double sum = 0;
    for (int part = 0; part < 8; part++)
        sum += parts[part];
    arguments->sums[context->group_index] = sum;
}

/* What a thread touches; the layout is repeated in FaultingThreadBenchmark. */
struct touch_arguments {
    const volatile unsigned char* start;
    uint64_t stride;            /* bytes from one touch to the next */
    uint64_t count;             /* touches */
    uint64_t* nanoseconds;      /* gets the time of each */
    uint64_t sum;               /* gets the sum of the bytes */
};

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void* touch(void* pointer)
{
    struct touch_arguments* arguments = pointer;
    for (uint64_t index = 0; index < arguments->count; index++) {
        uint64_t start = now();
        arguments->sum += arguments->start[index * arguments->stride];
        arguments->nanoseconds[index] = now() - start;
    }
    return 0;
}

/* Touches on a thread made here, which runs where the caller may run, and waits for it. Returns 0, or the error number of making it. */
int touch_on_c_thread(struct touch_arguments* arguments)
{
    pthread_t thread;
    int error = pthread_create(&thread, 0, touch, arguments);
    return error ? error : pthread_join(thread, 0);
}
