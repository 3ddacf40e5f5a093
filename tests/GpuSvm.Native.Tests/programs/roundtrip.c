/* SPDX-License-Identifier: MIT */
/* Data four times the device memory goes to kernels and back: by windows, by read and write, by gather and scatter, by atomic adds. */
#include "load.h"

#define COUNT (2 << 20) /* 16 MiB of int64_t, four times the device memory */

typedef struct {
    int64_t* data;
    int64_t* sum;
} arguments_t;

static void share(const gpusvm_kernel_context* context, uint64_t* at, uint64_t* end)
{
    *at = COUNT / context->group_count * context->group_index;
    *end = context->group_index + 1 == context->group_count ? COUNT : *at + COUNT / context->group_count;
}

static void by_window(gpusvm_kernel_context* context, void* pointer)
{
    const arguments_t* arguments = pointer;
    uint64_t at, end;
    int64_t sum = 0;
    for (share(context, &at, &end); at < end;) {
        gpusvm_window window = { (uint64_t)(arguments->data + at), (end - at) * 8, 1, 0, NULL };
        if (context->functions->windows(context, &window, 1) != GPUSVM_DONE)
            return;
        int64_t* data = window.pointer;
        for (uint64_t i = 0; i < window.bytes / 8; i++) {
            data[i] += 5;
            sum += data[i];
        }
        at += window.bytes / 8;
    }
    context->functions->atomic_add(context, (uint64_t)arguments->sum, sum, 8, NULL);
}

static void by_copy(gpusvm_kernel_context* context, void* pointer)
{
    const arguments_t* arguments = pointer;
    int64_t block[1000];
    uint64_t at, end;
    for (share(context, &at, &end); at < end;) {
        uint64_t count = end - at < 1000 ? end - at : 1000;
        uint64_t address = (uint64_t)(arguments->data + at);
        if (context->functions->read(context, address, block, count * 8) != GPUSVM_DONE)
            return;
        for (uint64_t i = 0; i < count; i++)
            block[i] = -block[i];
        if (context->functions->write(context, address, block, count * 8) != GPUSVM_DONE)
            return;
        at += count;
    }
}

static void by_gather(gpusvm_kernel_context* context, void* pointer)
{
    const arguments_t* arguments = pointer;
    int64_t values[512], indices[512];
    uint64_t at, end;
    for (share(context, &at, &end); at < end; at += 512) {
        for (int i = 0; i < 512; i++)
            indices[i] = (int64_t)(at + (uint64_t)((i * 37) % 512));
        if (context->functions->gather(context, (uint64_t)arguments->data, indices, 512, 8, values) != GPUSVM_DONE)
            return;
        for (int i = 0; i < 512; i++)
            values[i] += 1;
        if (context->functions->scatter(context, (uint64_t)arguments->data, indices, 512, 8, values) != GPUSVM_DONE)
            return;
    }
}

/* Every atomic operation once, on 8 and on 4 bytes: what it was before, and what it has become. */
static void atomics(gpusvm_kernel_context* context, void* numbers)
{
    static const struct {
        uint32_t operation;
        int64_t before, value, comparand, after, after_narrow;
    } cases[] = {
        { GPUSVM_ATOMIC_ADD, INT32_MAX, 2, 0, (int64_t)INT32_MAX + 2, INT32_MIN + 1 },
        { GPUSVM_ATOMIC_MAX, -3, 2, 0, 2, 2 },
        { GPUSVM_ATOMIC_MIN, -3, 2, 0, -3, -3 },
        { GPUSVM_ATOMIC_INCREMENT, 16, 17, 0, 17, 17 },
        { GPUSVM_ATOMIC_INCREMENT, 17, 17, 0, 0, 0 },
        { GPUSVM_ATOMIC_DECREMENT, 0, 137, 0, 137, 137 },
        { GPUSVM_ATOMIC_DECREMENT, 138, 137, 0, 137, 137 },
        { GPUSVM_ATOMIC_DECREMENT, 5, 137, 0, 4, 4 },
        { GPUSVM_ATOMIC_AND, 12, 10, 0, 8, 8 },
        { GPUSVM_ATOMIC_OR, 12, 10, 0, 14, 14 },
        { GPUSVM_ATOMIC_XOR, 12, 10, 0, 6, 6 },
        { GPUSVM_ATOMIC_EXCHANGE, 12, -10, 0, -10, -10 },
        { GPUSVM_ATOMIC_COMPARE_EXCHANGE, -12, 10, -12, 10, 10 },
        { GPUSVM_ATOMIC_COMPARE_EXCHANGE, 12, 10, 11, 12, 12 },
        { GPUSVM_ATOMIC_MAX_UNSIGNED, -3, 2, 0, -3, -3 },
        { GPUSVM_ATOMIC_MIN_UNSIGNED, -3, 2, 0, 2, 2 },
    };
    const gpusvm_kernel_functions* functions = context->functions;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (uint32_t bytes = 4; bytes <= 8; bytes += 4) {
            int64_t old = 1, found = 0;
            functions->write(context, (uint64_t)numbers, &cases[i].before, bytes);
            functions->atomic(context, (uint64_t)numbers, cases[i].operation, cases[i].value, cases[i].comparand, bytes, &old);
            functions->read(context, (uint64_t)numbers, &found, bytes);
            found = bytes == 4 ? (int32_t)found : found;
            if (context->status == GPUSVM_DONE && (old != cases[i].before || found != (bytes == 4 ? cases[i].after_narrow : cases[i].after)))
                functions->fail(context, "an atomic operation is wrong");
        }
    }
}

static void no_atomic(gpusvm_kernel_context* context, void* number)
{
    context->functions->atomic(context, (uint64_t)number, 12, 0, 0, 8, NULL);
}

int main(int count, char** argv)
{
    CHECK(count == 3);
    load(argv[1]);
    gpusvm_options options = options_for(argv[2]);
    gpusvm_memory memory = open_or_skip(&options);
    arguments_t arguments;
    CHECK(svm.alloc(memory, COUNT * 8, (void**)&arguments.data) == GPUSVM_DONE);
    CHECK(svm.alloc(memory, 8, (void**)&arguments.sum) == GPUSVM_DONE);
    CHECK((uint64_t)arguments.data % (2 << 20) == 0 && (uint64_t)arguments.sum % 4096 == 0);
    int64_t expected = 0;
    for (int64_t i = 0; i < COUNT; i++) {
        CHECK(arguments.data[i] == 0);
        arguments.data[i] = i;
        expected += i + 5;
    }
    CHECK(run(memory, by_window, &arguments, 8).status == GPUSVM_DONE);
    CHECK(*arguments.sum == expected);
    for (int64_t i = 0; i < COUNT; i++)
        CHECK(arguments.data[i] == i + 5);
    CHECK(run(memory, by_copy, &arguments, 16).status == GPUSVM_DONE);
    for (int64_t i = 0; i < COUNT; i++)
        CHECK(arguments.data[i] == -(i + 5));
    CHECK(run(memory, by_gather, &arguments, 16).status == GPUSVM_DONE);
    for (int64_t i = 0; i < COUNT; i++)
        CHECK(arguments.data[i] == -(i + 4));

    gpusvm_launch_result atomic = run(memory, atomics, arguments.data, 1);
    CHECK(atomic.status == GPUSVM_DONE && atomic.message[0] == '\0');
    CHECK(run(memory, no_atomic, arguments.data, 1).status == GPUSVM_INVALID_ARGUMENT);

    gpusvm_statistics statistics = { .struct_bytes = sizeof statistics };
    CHECK(svm.read_statistics(memory, &statistics) == GPUSVM_DONE);
    CHECK(statistics.memory_kind == options.memory_kind);
    CHECK(statistics.evictions > 0 && statistics.gpu_faults > 0 && statistics.device_bytes_total == 4 << 20);
    CHECK(statistics.bytes_to_device >= COUNT * 8 && statistics.bytes_to_ram >= COUNT * 8);
    CHECK((statistics.cpu_faults > 0) == (options.memory_kind == GPUSVM_MEMORY_REAL));
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.free(memory, arguments.data) == GPUSVM_DONE);

    gpusvm_launch_result failed = run(memory, by_copy, &arguments, 4);
    CHECK(failed.status == GPUSVM_NOT_MAPPED && failed.fault_access == 0);
    CHECK(failed.fault_address >= (uint64_t)arguments.data && failed.fault_address < (uint64_t)(arguments.data + COUNT));
    CHECK(*arguments.sum == expected);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    return 0;
}
