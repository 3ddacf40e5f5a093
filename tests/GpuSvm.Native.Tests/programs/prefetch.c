/* SPDX-License-Identifier: MIT */
/* Prefetches in the background from C. The second argument is the memory. */
#include "load.h"

enum { BLOCK = 2 << 20, BLOCKS = 8 };

int main(int argument_count, char** arguments)
{
    (void)argument_count;
    load(arguments[1]);
    gpusvm_options options = options_for(arguments[2]);
    options.device_memory_bytes = 32 << 20;
    gpusvm_memory memory = open_or_skip(&options);
    char* bytes;
    CHECK(svm.alloc(memory, BLOCKS * BLOCK, (void**)&bytes) == GPUSVM_DONE);
    memset(bytes, 7, BLOCKS * BLOCK);
    gpusvm_interval parts[] = { { bytes, 3 * BLOCK }, { bytes + 4 * BLOCK + 100, BLOCK } }; /* The second is widened to a page on each side. */
    uint64_t asked = 4 * BLOCK + 4096;
    int real = strcmp(arguments[2], "real") == 0;

    gpusvm_prefetch_operation there, back, open;
    gpusvm_prefetch_progress progress = { .struct_bytes = sizeof progress };
    CHECK(svm.prefetch_start(memory, parts, 2, 0, &there) == GPUSVM_DONE);
    CHECK(svm.prefetch_wait(there, UINT32_MAX, &progress) == GPUSVM_DONE && progress.status == GPUSVM_DONE);
    CHECK(progress.requested_bytes == (real ? asked : 0) && progress.tried_bytes == progress.requested_bytes);
    CHECK(progress.moved_bytes == progress.requested_bytes && progress.already_there_bytes == 0 && progress.failed_bytes == 0);
    CHECK(svm.prefetch_end(there) == GPUSVM_DONE && svm.prefetch_end(there) == GPUSVM_INVALID_HANDLE);

    CHECK(svm.prefetch_start(memory, parts, 2, 1, &back) == GPUSVM_DONE && svm.prefetch_cancel(back) == GPUSVM_DONE);
    CHECK(svm.prefetch_wait(back, UINT32_MAX, &progress) == GPUSVM_DONE);
    CHECK(progress.status == GPUSVM_CANCELLED || progress.status == GPUSVM_DONE); /* Whichever was first. */
    CHECK(progress.tried_bytes == progress.already_there_bytes + progress.moved_bytes + progress.failed_bytes && progress.requested_bytes == asked);
    CHECK(svm.prefetch_end(back) == GPUSVM_DONE);

    gpusvm_interval outside = { bytes + BLOCKS * BLOCK - 1, 2 };
    CHECK(svm.prefetch_start(memory, &outside, 1, 0, &open) == GPUSVM_INVALID_ARGUMENT || svm.prefetch_start(memory, &outside, 1, 0, &open) == GPUSVM_NOT_MAPPED);
    CHECK(open == 0);
    for (int i = 0; i < BLOCKS * BLOCK; i += 4096)
        CHECK(bytes[i] == 7);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.prefetch_start(memory, parts, 2, 0, &open) == GPUSVM_DONE); /* Closing ends it. */
    CHECK(svm.close(memory) == GPUSVM_DONE && svm.prefetch_cancel(open) == GPUSVM_INVALID_HANDLE);
    return 0;
}
