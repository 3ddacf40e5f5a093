/* SPDX-License-Identifier: MIT */
/* Bytes go through the GPU's page table without a kernel, also while all units are busy; pages are told of, evicted, and taken for a device alone. */
#include <pthread.h>

#include "load.h"

#define BYTES (3 << 20)
#define PAGE 4096

static int is_real;
static volatile int stop;

static void spin(gpusvm_kernel_context* context, void* arguments)
{
    (void)context;
    (void)arguments;
    while (!stop)
        ;
}

static void add(gpusvm_kernel_context* context, void* address)
{
    for (int i = 0; i < 1000; i++) {
        if (context->functions->atomic_add(context, (uint64_t)address, 1, 8, NULL) != GPUSVM_DONE)
            return;
    }
}

/* The bytes of an interval that are at a place. */
static uint64_t bytes_at(gpusvm_memory memory, const void* pointer, uint64_t bytes, uint32_t place)
{
    gpusvm_page_run runs[1024];
    uint64_t count, sum = 0, next = (uint64_t)pointer & ~(uint64_t)(PAGE - 1);
    CHECK(svm.query(memory, 0, pointer, bytes, runs, sizeof runs[0], 1024, &count) == GPUSVM_DONE);
    CHECK(count > 0 && count <= 1024);
    for (uint64_t i = 0; i < count; i++) {
        CHECK(runs[i].address == next && runs[i].bytes % PAGE == 0 && runs[i].bytes > 0);
        CHECK((runs[i].device == 0) == (runs[i].place == GPUSVM_PAGE_DEVICE));
        CHECK(i == 0 || memcmp(&runs[i].place, &runs[i - 1].place, sizeof runs[i] - 16) != 0);
        next += runs[i].bytes;
        sum += runs[i].place == place ? runs[i].bytes : 0;
    }
    CHECK(next == (((uint64_t)pointer + bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1)));
    return sum;
}

static void transfers(gpusvm_memory memory, unsigned char* data)
{
    unsigned char* own = malloc(BYTES);
    uint64_t failed_at = 1;
    for (int i = 0; i < BYTES; i++)
        data[i] = (unsigned char)(i * 7);

    /* The units are all busy on real memory; on portable memory a transfer comes after them. */
    gpusvm_launch launch;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    stop = !is_real;
    CHECK(svm.launch_start(memory, spin, NULL, 2, &launch) == GPUSVM_DONE);
    CHECK(svm.device_read(memory, 0, (uint64_t)data + 5, own, BYTES - 5, &failed_at) == GPUSVM_DONE);
    CHECK(failed_at == 0 && memcmp(own, data + 5, BYTES - 5) == 0);
    memset(own, 0x5a, 10000);
    CHECK(svm.device_write(memory, 0, (uint64_t)data + PAGE + 3, own, 10000, NULL) == GPUSVM_DONE);
    stop = 1;
    CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE && result.status == GPUSVM_DONE);
    for (int i = 0; i < BYTES; i++)
        CHECK(data[i] == (i >= PAGE + 3 && i < PAGE + 10003 ? 0x5a : (unsigned char)(i * 7)));

    /* Both sides may be shared memory. */
    CHECK(svm.device_write(memory, 0, (uint64_t)data, data + BYTES / 2, 70000, &failed_at) == GPUSVM_DONE);
    CHECK(memcmp(data, data + BYTES / 2, 70000) == 0);

    /* Everything before the address that fails is transferred. */
    memset(own, 0, BYTES);
    EXPECT(svm.device_read(memory, 0, (uint64_t)data + BYTES - 100, own, 8000, &failed_at), GPUSVM_NOT_MAPPED, "were transferred");
    CHECK(failed_at == (uint64_t)data + BYTES && memcmp(own, data + BYTES - 100, 100) == 0 && own[100] == 0);
    EXPECT(svm.device_write(memory, 0, (uint64_t)data + BYTES, own, 1, &failed_at), GPUSVM_NOT_MAPPED, "0 of 1 bytes");
    CHECK(failed_at == (uint64_t)data + BYTES);
    EXPECT(svm.device_read(memory, 0, UINT64_MAX - 10, own, 100, &failed_at), GPUSVM_INVALID_ARGUMENT, "0 of 100");
    EXPECT(svm.device_read(memory, 0, (uint64_t)1 << 52, own, 100, &failed_at), GPUSVM_NOT_MAPPED, "0 of 100");
    EXPECT(svm.device_read(memory, 1, (uint64_t)data, own, 1, &failed_at), GPUSVM_INVALID_ARGUMENT, "Device 1 does not exist");
    EXPECT(svm.device_read(memory, 0, (uint64_t)data, NULL, 1, NULL), GPUSVM_INVALID_ARGUMENT, "NULL");
    CHECK(svm.device_read(memory, 0, 0, NULL, 0, NULL) == GPUSVM_DONE);
    free(own);
}

static void placement(gpusvm_memory memory, unsigned char* data)
{
    uint64_t moved;
    CHECK(svm.evict(memory, GPUSVM_EVERY_DEVICE, NULL, 0, &moved) == GPUSVM_DONE);
    CHECK(bytes_at(memory, data, BYTES, GPUSVM_PAGE_RAM) == BYTES);
    CHECK(bytes_at(memory, data + 100, 1, GPUSVM_PAGE_RAM) == PAGE);
    CHECK(svm.prefetch(memory, data, 1 << 20, GPUSVM_LOCATION_DEVICE(0), &moved) == GPUSVM_DONE);
    CHECK(moved == (is_real ? 1 << 20 : 0));
    CHECK(bytes_at(memory, data, BYTES, GPUSVM_PAGE_DEVICE) >= moved); /* Blocks that hold a part of it move whole. */
    CHECK(svm.evict(memory, 0, data, 65536, &moved) == GPUSVM_DONE);
    CHECK(moved == (is_real ? 65536 : 0));
    CHECK(bytes_at(memory, data, 65536, GPUSVM_PAGE_RAM) == 65536);
    CHECK(svm.prefetch(memory, data, 1 << 20, GPUSVM_LOCATION_DEVICE(0), NULL) == GPUSVM_DONE);
    uint64_t on_device = bytes_at(memory, data, BYTES, GPUSVM_PAGE_DEVICE);
    CHECK(svm.evict(memory, 0, NULL, 0, &moved) == GPUSVM_DONE);
    CHECK(moved == on_device && (moved > 0) == is_real);
    CHECK(bytes_at(memory, data, BYTES, GPUSVM_PAGE_RAM) == BYTES);
    EXPECT(svm.evict(memory, 3, NULL, 0, &moved), GPUSVM_INVALID_ARGUMENT, "Device 3");
    EXPECT(svm.evict(memory, 0, &moved, 8, &moved), GPUSVM_NOT_MAPPED, "one allocation");

    uint64_t count;
    gpusvm_page_run run;
    CHECK(svm.query(memory, 0, (void*)PAGE, PAGE, &run, sizeof run, 1, &count) == GPUSVM_DONE);
    CHECK(count == 1 && run.place == GPUSVM_PAGE_UNMAPPED && run.entry_bytes == 0 && run.writable == 0 && run.device == -1);
    CHECK(svm.query(memory, 0, data, PAGE, &run, sizeof run, 1, &count) == GPUSVM_DONE);
    CHECK(run.writable == 1 && run.entry_bytes >= PAGE);
    CHECK(svm.query(memory, 0, data, BYTES, NULL, sizeof run, 0, &count) == GPUSVM_DONE && count >= 1);
    EXPECT(svm.query(memory, 0, data, BYTES, &run, 8, 1, &count), GPUSVM_INVALID_ARGUMENT, "run_bytes");
    EXPECT(svm.query(memory, 0, data, 0, &run, sizeof run, 1, &count), GPUSVM_INVALID_ARGUMENT, "0 bytes");
    EXPECT(svm.query(memory, 0, (void*)-1, 1, &run, sizeof run, 1, &count), GPUSVM_INVALID_ARGUMENT, "program's addresses");
    EXPECT(svm.query(memory, 1, data, 1, &run, sizeof run, 1, &count), GPUSVM_INVALID_ARGUMENT, "Device 1");
}

static void exclusive(gpusvm_memory memory, unsigned char* data)
{
    uint64_t taken = 1;
    if (!is_real) {
        EXPECT(svm.make_exclusive(memory, 0, data, 3 * PAGE, &taken), GPUSVM_NOT_SUPPORTED, "Portable memory");
        CHECK(taken == 0);
        return;
    }
    memset(data, 1, 3 * PAGE);
    CHECK(svm.make_exclusive(memory, 0, data, 3 * PAGE, &taken) == GPUSVM_DONE);
    CHECK(taken == 3 * PAGE && bytes_at(memory, data, 3 * PAGE, GPUSVM_PAGE_EXCLUSIVE) == 3 * PAGE);
    gpusvm_advice advice = { .struct_bytes = sizeof advice, .never_migrate = GPUSVM_SWITCH_ON };
    CHECK(svm.advise(memory, data, 3 * PAGE, &advice) == GPUSVM_DONE);
    memset(data, 0, 8);
    CHECK(bytes_at(memory, data, PAGE, GPUSVM_PAGE_RAM) == PAGE); /* The CPU has it back. */
    CHECK(svm.make_exclusive(memory, 0, data, 3 * PAGE, NULL) == GPUSVM_DONE);
    CHECK(run(memory, add, data, 8).status == GPUSVM_DONE);
    CHECK(bytes_at(memory, data, PAGE, GPUSVM_PAGE_EXCLUSIVE) == PAGE);
    CHECK(*(int64_t*)data == 8000 && data[8] == 1 && data[PAGE] == 1);
    advice.never_migrate = GPUSVM_SWITCH_OFF;
    CHECK(svm.advise(memory, data, 3 * PAGE, &advice) == GPUSVM_DONE);
}

static void alignment(gpusvm_memory memory)
{
    gpusvm_statistics before = { .struct_bytes = sizeof before }, after = before;
    CHECK(svm.read_statistics(memory, &before) == GPUSVM_DONE);
    for (uint64_t alignment = 1; alignment <= 64 << 20; alignment *= 4) {
        char* pointer;
        CHECK(svm.alloc_aligned(memory, 5000, alignment, (void**)&pointer) == GPUSVM_DONE);
        CHECK((uint64_t)pointer % alignment == 0 && (uint64_t)pointer % PAGE == 0);
        memset(pointer, 3, 5000);
        uint64_t sum = 0;
        CHECK(svm.device_read(memory, 0, (uint64_t)pointer + 4992, &sum, 8, NULL) == GPUSVM_DONE && sum == 0x0303030303030303);
        if (alignment > PAGE)
            CHECK(svm.free(memory, pointer - PAGE) == GPUSVM_INVALID_HANDLE);
        CHECK(svm.free(memory, pointer) == GPUSVM_DONE);
    }
    CHECK(svm.read_statistics(memory, &after) == GPUSVM_DONE && after.heap_bytes == before.heap_bytes);
    void* pointer;
    EXPECT(svm.alloc_aligned(memory, 1, 3, &pointer), GPUSVM_INVALID_ARGUMENT, "power of two");
    EXPECT(svm.alloc_aligned(memory, 1, 0, &pointer), GPUSVM_INVALID_ARGUMENT, "power of two");
    EXPECT(svm.alloc_aligned(memory, 1, (uint64_t)1 << 40, &pointer), GPUSVM_INVALID_ARGUMENT, "power of two");
    EXPECT(svm.alloc_aligned(memory, UINT64_MAX, 8192, &pointer), GPUSVM_OUT_OF_HOST_MEMORY, "capacity");
}

int main(int count, char** arguments)
{
    CHECK(count == 4);
    load(arguments[1]);
    is_real = strcmp(arguments[2], "real") == 0;
    gpusvm_options options = options_for(arguments[2]);
    options.without_faults = strcmp(arguments[3], "nofaults") == 0;
    gpusvm_memory memory = open_or_skip(&options);
    unsigned char* data;
    CHECK(svm.alloc(memory, BYTES, (void**)&data) == GPUSVM_DONE);
    if (!options.without_faults) {
        transfers(memory, data);
        exclusive(memory, data);
        alignment(memory);
    }
    memset(data, 9, BYTES);
    unsigned char nine = 0;
    CHECK(svm.device_read(memory, 0, (uint64_t)data + 77, &nine, 1, NULL) == GPUSVM_DONE && nine == 9);
    placement(memory, data);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    return 0;
}
