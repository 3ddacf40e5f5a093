/* SPDX-License-Identifier: MIT */
/* Advises from C what C# tests look at in detail: that each wish has its effect. The second argument is the memory. */
#include "load.h"

enum { BLOCK = 2 << 20 };

struct work {
    uint64_t address;
    uint64_t value;
};

static void load_it(const struct gpusvm_kernel_context* context, void* arguments)
{
    struct work* work = arguments;
    context->functions->read((struct gpusvm_kernel_context*)context, work->address, &work->value, sizeof work->value);
}

static uint64_t read_by_kernel(gpusvm_memory memory, const void* pointer)
{
    static struct work work;
    work = (struct work){ .address = (uint64_t)(uintptr_t)pointer };
    gpusvm_launch launch;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    CHECK(svm.launch_start(memory, (gpusvm_kernel)load_it, &work, 1, &launch) == GPUSVM_DONE);
    CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE);
    return work.value;
}

int main(int argument_count, char** arguments)
{
    (void)argument_count;
    load(arguments[1]);
    gpusvm_options options = options_for(arguments[2]);
    options.device_memory_bytes = 32 << 20;
    gpusvm_memory memory = open_or_skip(&options);
    int real = strcmp(arguments[2], "real") == 0;
    uint64_t* words;
    CHECK(svm.alloc(memory, 3 * BLOCK, (void**)&words) == GPUSVM_DONE);
    uint64_t *copied = words, *kept = words + BLOCK / 8, *moved = words + 2 * BLOCK / 8;
    *copied = 1;
    *kept = 2;
    *moved = 3;
    gpusvm_advice read_mostly = { .struct_bytes = sizeof read_mostly, .read_mostly = GPUSVM_SWITCH_ON };
    gpusvm_advice never = { .struct_bytes = sizeof never, .never_migrate = GPUSVM_SWITCH_ON };
    CHECK(svm.advise(memory, copied, BLOCK, &read_mostly) == GPUSVM_DONE);
    CHECK(svm.advise(memory, kept, 1, &never) == GPUSVM_DONE && svm.advise(memory, kept, BLOCK, &never) == GPUSVM_DONE);
    CHECK(svm.advise(memory, words + 3 * BLOCK / 8, 1, &never) != GPUSVM_DONE);
    gpusvm_statistics before = { .struct_bytes = sizeof before }, after = before;
    for (uint64_t round = 0; round < 3; round++) {
        *copied = 10 + round; /* Takes the copy of the round before away. */
        CHECK(read_by_kernel(memory, copied) == 10 + round);
        CHECK(svm.read_statistics(memory, &before) == GPUSVM_DONE);
        CHECK(*copied == 10 + round && read_by_kernel(memory, copied) == 10 + round);
        CHECK(svm.read_statistics(memory, &after) == GPUSVM_DONE);
        if (real) /* Both have it, and neither has faulted. */
            CHECK(after.gpu_faults == before.gpu_faults && after.cpu_faults == before.cpu_faults && after.bytes_to_device == 0);
    }
    CHECK(read_by_kernel(memory, kept) == 2);
    CHECK(svm.read_statistics(memory, &after) == GPUSVM_DONE && (!real || after.bytes_to_device == 0));
    CHECK(read_by_kernel(memory, moved) == 3);
    CHECK(svm.read_statistics(memory, &after) == GPUSVM_DONE && (!real || after.bytes_to_device == BLOCK));
    CHECK(svm.check(memory) == GPUSVM_DONE && svm.close(memory) == GPUSVM_DONE);
    return 0;
}
