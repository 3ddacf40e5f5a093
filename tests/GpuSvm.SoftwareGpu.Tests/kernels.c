/* SPDX-License-Identifier: MIT */
/* Kernels in C for the tests, and the layout of every struct that C and C# share. */
#define _GNU_SOURCE
#include <stddef.h>
#include <time.h>
#include "gpusvm.h"

typedef struct triad {
    uint64_t a, b, c;
    uint64_t count;
    uint64_t per_group;
} triad;

/* a[i] = b[i] + 3 c[i], through three windows at a time. */
void triad_windows(gpusvm_kernel_context* context, void* arguments)
{
    const triad* t = arguments;
    uint64_t i = context->group_index * t->per_group;
    uint64_t end = i + t->per_group < t->count ? i + t->per_group : t->count;
    while (i < end) {
        gpusvm_window w[3] = {
            { t->a + i * 8, (end - i) * 8, 1, 0, NULL },
            { t->b + i * 8, (end - i) * 8, 0, 0, NULL },
            { t->c + i * 8, (end - i) * 8, 0, 0, NULL },
        };
        if (context->functions->windows(context, w, 3) != GPUSVM_DONE)
            return;
        uint64_t n = w[0].bytes;
        for (int k = 1; k < 3; k++)
            if (w[k].bytes < n)
                n = w[k].bytes;
        n /= 8;
        double* restrict a = w[0].pointer;
        const double* restrict b = w[1].pointer;
        const double* restrict c = w[2].pointer;
        for (uint64_t k = 0; k < n; k++)
            a[k] = b[k] + 3.0 * c[k];
        i += n;
    }
}

/* The same on plain pointers: the floor. */
void triad_raw(double* restrict a, const double* restrict b, const double* restrict c, uint64_t count)
{
    for (uint64_t k = 0; k < count; k++)
        a[k] = b[k] + 3.0 * c[k];
}

/* Reads the same 8 bytes again and again. */
void read_loop(gpusvm_kernel_context* context, void* arguments)
{
    const uint64_t* t = arguments; /* address, bytes, times, stride */
    unsigned char buffer[4096];
    uint64_t offset = 0;
    for (uint64_t i = 0; i < t[2]; i++) {
        if (context->functions->read(context, t[0] + offset, buffer, t[1]) != GPUSVM_DONE)
            return;
        offset = (offset + t[3]) & 0x1fffff;
    }
}

/* Gathers 8-byte elements by indices, again and again; keeps the shortest time in nanoseconds. */
void gather_loop(gpusvm_kernel_context* context, void* arguments)
{
    uint64_t* t = arguments; /* address, indices, count, destination, times, shortest */
    for (uint64_t i = 0; i < t[4]; i++) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        if (context->functions->gather(context, t[0], (const int64_t*)t[1], t[2], 8, (void*)t[3]) != GPUSVM_DONE)
            return;
        clock_gettime(CLOCK_MONOTONIC, &end);
        uint64_t ns = (uint64_t)(end.tv_sec - start.tv_sec) * 1000000000u + (uint64_t)end.tv_nsec - (uint64_t)start.tv_nsec;
        if (ns < t[5])
            t[5] = ns;
    }
}

/* Calls what does nothing: the price of a call. */
void yield_loop(gpusvm_kernel_context* context, void* arguments)
{
    const uint64_t* t = arguments; /* -, -, times */
    for (uint64_t i = 0; i < t[2]; i++)
        context->functions->yield(context);
}

/* Opens a window of 8 bytes again and again. */
void window_loop(gpusvm_kernel_context* context, void* arguments)
{
    const uint64_t* t = arguments; /* address, -, times */
    for (uint64_t i = 0; i < t[2]; i++) {
        gpusvm_window w = { t[0], 8, 1, 0, NULL };
        if (context->functions->windows(context, &w, 1) != GPUSVM_DONE)
            return;
        *(volatile uint64_t*)w.pointer = i;
    }
}

/* Reads until told to stop. */
void read_until(gpusvm_kernel_context* context, void* arguments)
{
    volatile uint64_t* t = arguments; /* address, stop, started */
    uint64_t value;
    __atomic_add_fetch(&t[2], 1, __ATOMIC_SEQ_CST);
    while (!t[1])
        if (context->functions->read(context, t[0], &value, 8) != GPUSVM_DONE)
            return;
}

uint64_t layout(int32_t which)
{
    switch (which) {
    case 0: return sizeof(gpusvm_kernel_context);
    case 1: return offsetof(gpusvm_kernel_context, functions);
    case 2: return offsetof(gpusvm_kernel_context, group_index);
    case 3: return offsetof(gpusvm_kernel_context, group_count);
    case 4: return offsetof(gpusvm_kernel_context, status);
    case 5: return offsetof(gpusvm_kernel_context, unit);
    case 6: return offsetof(gpusvm_kernel_context, internal);
    case 7: return sizeof(gpusvm_window);
    case 8: return offsetof(gpusvm_window, address);
    case 9: return offsetof(gpusvm_window, bytes);
    case 10: return offsetof(gpusvm_window, access);
    case 11: return offsetof(gpusvm_window, reserved);
    case 12: return offsetof(gpusvm_window, pointer);
    case 13: return sizeof(gpusvm_kernel_functions);
    case 14: return offsetof(gpusvm_kernel_functions, struct_bytes);
    case 15: return offsetof(gpusvm_kernel_functions, read);
    case 16: return offsetof(gpusvm_kernel_functions, write);
    case 17: return offsetof(gpusvm_kernel_functions, gather);
    case 18: return offsetof(gpusvm_kernel_functions, scatter);
    case 19: return offsetof(gpusvm_kernel_functions, atomic_add);
    case 20: return offsetof(gpusvm_kernel_functions, windows);
    case 21: return offsetof(gpusvm_kernel_functions, yield);
    case 22: return offsetof(gpusvm_kernel_functions, fail);
    case 23: return offsetof(gpusvm_kernel_functions, atomic);
    default: return UINT64_MAX;
    }
}
