/* SPDX-License-Identifier: MIT */
/* Memory of the program's own is used in place: malloc, a file, the stack; both sides at the same time; and what cannot be used says so. */
#include <sys/mman.h>
#include <unistd.h>

#include "load.h"

#define BYTES 300000

static int without_faults;

/* Adds one to every byte of group's share. */
static void increment(gpusvm_kernel_context* context, void* address)
{
    unsigned char block[1000];
    uint64_t at = (uint64_t)address + context->group_index * sizeof block;
    if (context->functions->read(context, at, block, sizeof block) != GPUSVM_DONE)
        return;
    for (size_t i = 0; i < sizeof block; i++)
        block[i]++;
    context->functions->write(context, at, block, sizeof block);
}

static void look(gpusvm_kernel_context* context, void* address)
{
    unsigned char byte;
    context->functions->read(context, (uint64_t)address, &byte, 1);
    if (byte != 77)
        context->functions->fail(context, "not 77");
}

static gpusvm_launch_result run_on(gpusvm_memory memory, gpusvm_kernel kernel, uint64_t address, uint64_t bytes, uint32_t access, uint64_t groups)
{
    gpusvm_launch launch;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    gpusvm_usage usage = { (void*)address, bytes, access, 0 };
    int32_t status = svm.launch_start_using(memory, kernel, (void*)address, groups, &usage, 1, &launch);
    if (status != GPUSVM_DONE) {
        result.status = status;
        return result;
    }
    CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE);
    return result;
}

static void in_place(gpusvm_memory memory, unsigned char* own)
{
    uint64_t address;
    gpusvm_userptr userptr;
    memset(own, 1, BYTES);
    CHECK(svm.userptr_register(memory, own, BYTES, 0, &address, &userptr) == GPUSVM_DONE);
    CHECK(address >= (uint64_t)1 << 47 && userptr != 0);
    CHECK(run_on(memory, increment, address, BYTES, 1, BYTES / 1000).status == GPUSVM_DONE);
    for (int i = 0; i < BYTES; i++)
        CHECK(own[i] == 2);
    own[123] = 77; /* No call is needed for either side to see the other's. */
    CHECK(run_on(memory, look, address + 123, 1, 0, 1).status == GPUSVM_DONE);
    unsigned char back[3] = { 0 };
    CHECK(svm.device_read(memory, 0, address + 122, back, 3, NULL) == GPUSVM_DONE && back[0] == 2 && back[1] == 77 && back[2] == 2);
    CHECK(svm.userptr_unregister(userptr) == GPUSVM_DONE);
    EXPECT(svm.userptr_unregister(userptr), GPUSVM_INVALID_HANDLE, "no registered memory");
    gpusvm_launch_result result = run_on(memory, look, address + 123, 1, 0, 1);
    CHECK(result.status == GPUSVM_NOT_MAPPED && (without_faults || result.fault_address == address + 123));
    uint64_t failed_at;
    CHECK(svm.device_read(memory, 0, address, back, 1, &failed_at) == GPUSVM_NOT_MAPPED);
    CHECK(own[123] == 77 && own[0] == 2);
}

static void at_its_own_address(gpusvm_memory memory, unsigned char* own)
{
    uint64_t address;
    gpusvm_userptr userptr;
    if (without_faults)
        return;
    own[5] = 77;
    CHECK(svm.userptr_register(memory, own, BYTES, 0, &address, &userptr) == GPUSVM_DONE);
    CHECK(run_on(memory, look, address + 5, 1, 0, 1).status == GPUSVM_DONE);
    CHECK(run(memory, look, own + 5, 1).status == GPUSVM_DONE); /* The program's own pointer reaches it too, while it is registered. */
    CHECK(svm.userptr_unregister(userptr) == GPUSVM_DONE);
    gpusvm_launch_result result = run(memory, look, own + 5, 1);
    CHECK(result.status == GPUSVM_NOT_MAPPED && result.fault_address == (uint64_t)own + 5);
}

static void a_file(gpusvm_memory memory)
{
    char name[] = "/tmp/gpusvm-userptr-XXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0 && ftruncate(file, BYTES) == 0);
    unsigned char* map = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    unsigned char* read_only = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, file, 0);
    CHECK(map != MAP_FAILED && read_only != MAP_FAILED);
    uint64_t address, seen;
    gpusvm_userptr userptr, viewer;
    CHECK(svm.userptr_register(memory, map, BYTES, 0, &address, &userptr) == GPUSVM_DONE);
    EXPECT(svm.userptr_register(memory, read_only, BYTES, 0, &seen, &viewer), GPUSVM_READ_ONLY, "read_only 1");
    CHECK(svm.userptr_register(memory, read_only, BYTES, 1, &seen, &viewer) == GPUSVM_DONE);
    memset(map, 76, BYTES);
    CHECK(run_on(memory, increment, address, BYTES, 1, BYTES / 1000).status == GPUSVM_DONE);
    unsigned char byte = 0;
    CHECK(pread(file, &byte, 1, BYTES - 1) == 1 && byte == 77);
    CHECK(run_on(memory, look, seen, 1, 0, 1).status == GPUSVM_DONE);
    CHECK(run_on(memory, increment, seen, 1000, 1, 1).status == GPUSVM_READ_ONLY);
    CHECK(svm.userptr_unregister(userptr) == GPUSVM_DONE && svm.userptr_unregister(viewer) == GPUSVM_DONE);
    munmap(map, BYTES);
    munmap(read_only, BYTES);
    close(file);
}

static void shared_memory_too(gpusvm_memory memory)
{
    unsigned char* shared;
    uint64_t address;
    gpusvm_userptr userptr;
    CHECK(svm.alloc(memory, BYTES, (void**)&shared) == GPUSVM_DONE);
    memset(shared, 76, BYTES);
    CHECK(svm.prefetch(memory, shared, BYTES, 0, NULL) == GPUSVM_DONE);
    CHECK(svm.userptr_register(memory, shared, BYTES, 0, &address, &userptr) == GPUSVM_DONE);
    CHECK(run_on(memory, increment, address, BYTES, 1, BYTES / 1000).status == GPUSVM_DONE);
    for (int i = 0; i < BYTES; i++)
        CHECK(shared[i] == 77);
    CHECK(svm.userptr_unregister(userptr) == GPUSVM_DONE);
    CHECK(svm.free(memory, shared) == GPUSVM_DONE);
}

static void refusals(gpusvm_memory memory, unsigned char* own)
{
    uint64_t address;
    gpusvm_userptr userptr, other;
    unsigned char* pages = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && munmap(pages + 4 * 4096, 4096) == 0);
    EXPECT(svm.userptr_register(memory, pages, 8 * 4096, 0, &address, &userptr), GPUSVM_NOT_MAPPED, "map it before");
    CHECK(address == 0 && userptr == 0);
    EXPECT(svm.userptr_register(memory, NULL, 10, 0, &address, &userptr), GPUSVM_INVALID_ARGUMENT, "pass a pointer");
    EXPECT(svm.userptr_register(memory, own, 0, 0, &address, &userptr), GPUSVM_INVALID_ARGUMENT, "0 bytes");
    EXPECT(svm.userptr_register(memory, own, UINT64_MAX, 0, &address, &userptr), GPUSVM_INVALID_ARGUMENT, "pass a pointer");
    EXPECT(svm.userptr_register(memory, own, 1, 2, &address, &userptr), GPUSVM_INVALID_ARGUMENT, "read_only 2");
    EXPECT(svm.userptr_register(memory, own, 1, 0, NULL, &userptr), GPUSVM_INVALID_ARGUMENT, "NULL");
    CHECK(svm.userptr_register(memory, pages, 2 * 4096, 0, &address, &userptr) == GPUSVM_DONE);
    EXPECT(svm.userptr_register(memory, pages + 4096, 2 * 4096, 0, &address, &other), GPUSVM_BUSY, "register");
    EXPECT(svm.userptr_register(memory, pages, 10, 0, &address, &other), GPUSVM_BUSY, "unregister that first");
    CHECK(svm.userptr_register(memory, pages + 2 * 4096, 2 * 4096, 0, &address, &other) == GPUSVM_DONE); /* Ended by the close. */
    CHECK(svm.userptr_unregister(userptr) == GPUSVM_DONE);
}

int main(int count, char** arguments)
{
    CHECK(count == 4);
    load(arguments[1]);
    gpusvm_options options = options_for(arguments[2]);
    without_faults = strcmp(arguments[3], "nofaults") == 0;
    options.without_faults = without_faults;
    gpusvm_memory memory = open_or_skip(&options);
    unsigned char* own = malloc(BYTES);
    unsigned char stack[BYTES];
    in_place(memory, own);
    in_place(memory, own);
    in_place(memory, stack);
    at_its_own_address(memory, own);
    a_file(memory);
    shared_memory_too(memory);
    refusals(memory, own);
    gpusvm_statistics statistics = { .struct_bytes = sizeof statistics };
    CHECK(svm.read_statistics(memory, &statistics) == GPUSVM_DONE);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    memset(own, 3, BYTES);
    free(own);
    return 0;
}
