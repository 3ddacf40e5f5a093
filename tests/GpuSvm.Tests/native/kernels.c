/* SPDX-License-Identifier: MIT */
/* Kernels in C for the package's tests: they hold windows, as managed kernels may not. */
#include "gpusvm.h"

typedef struct {
    uint64_t from;
    uint64_t to;
    uint64_t count;
    int64_t factor;
} scale_arguments;

/* to[i] = from[i] * factor + to[i], this group's share, through two windows at a time. */
void scale(gpusvm_kernel_context* context, void* pointer)
{
    const scale_arguments* arguments = pointer;
    uint64_t each = (arguments->count + context->group_count - 1) / context->group_count;
    uint64_t at = context->group_index * each;
    uint64_t end = at + each < arguments->count ? at + each : arguments->count;
    while (at < end) {
        gpusvm_window windows[2] = {
            { arguments->from + at * 8, (end - at) * 8, 0, 0, 0 },
            { arguments->to + at * 8, (end - at) * 8, 1, 0, 0 },
        };
        if (context->functions->windows(context, windows, 2) != GPUSVM_DONE)
            return;
        uint64_t bytes = windows[0].bytes < windows[1].bytes ? windows[0].bytes : windows[1].bytes;
        const int64_t* from = windows[0].pointer;
        int64_t* to = windows[1].pointer;
        for (uint64_t i = 0; i < bytes / 8; i++)
            to[i] += from[i] * arguments->factor;
        at += bytes / 8;
    }
    context->functions->yield(context);
}

/* Writes through a window that leaves its array on purpose. */
void stray(gpusvm_kernel_context* context, void* pointer)
{
    gpusvm_window window = { *(uint64_t*)pointer, 8, 1, 0, 0 };
    if (context->functions->windows(context, &window, 1) == GPUSVM_DONE)
        *(int64_t*)window.pointer = 1;
}
