/* SPDX-License-Identifier: MIT */
/* Memory that the process has of its own, attached and detached: of every kind, and what is refused. The second argument is the case. */
#include "mappings.h"

/* What both sides write is seen by both, before and after, whatever kind of memory it is. */
static void exchange(char* at, uint64_t pages, int moves)
{
    uint64_t moved = 0;
    for (uint64_t page = 0; page < pages; page++)
        *(uint64_t*)(at + page * PAGE) = 10 + page;
    CHECK(svm.attach(memory, at, pages * PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_load(at) == 10 && gpu_load(at + (pages - 1) * PAGE) == 10 + pages - 1);
    CHECK(gpu_write(at, 100, pages).status == GPUSVM_DONE);
    CHECK_WORDS(at, 100, pages);
    *(volatile uint64_t*)(at + PAGE) = 5;
    CHECK(gpu_load(at + PAGE) == 5);
    (void)svm.prefetch(memory, at, pages * PAGE, 0, &moved);
    CHECK(moves ? statistics().bytes_to_device > 0 : moved == 0 && statistics().bytes_to_device == 0);
    CHECK(gpu_write(at, 200, pages).status == GPUSVM_DONE);
    CHECK(svm.detach(memory, at) == GPUSVM_DONE);
    CHECK_WORDS(at, 200, pages);
    uint64_t value;
    CHECK_FAILS(gpu_read(at, &value), GPUSVM_NOT_MAPPED, at);
    CHECK(svm.detach(memory, at) == GPUSVM_INVALID_HANDLE);
    CHECK(svm.attach(memory, at, pages * PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_write(at, 300, pages).status == GPUSVM_DONE);
    CHECK(svm.detach(memory, at) == GPUSVM_DONE);
    CHECK_WORDS(at, 300, pages);
}

static void anonymous(void)
{
    exchange(map(PAGES * PAGE, MAP_PRIVATE, -1), PAGES, 1);
    char* large = map(3 * BLOCK, MAP_PRIVATE, -1); /* Holds whole huge pages wherever it begins. */
    CHECK(madvise(large, 3 * BLOCK, MADV_HUGEPAGE) == 0);
    exchange(large, 3 * BLOCK / PAGE, 1);
}

/* Buffers of malloc: their own pages move, those they share with neighbours are used in place. */
static void from_malloc(void)
{
    enum { BUFFERS = 8, BYTES = 5 * 4096 + 1000 };
    unsigned char *buffers[BUFFERS], *between[BUFFERS];
    for (int i = 0; i < BUFFERS; i++) {
        buffers[i] = malloc(BYTES);
        between[i] = malloc(100);
        memset(buffers[i], i + 1, BYTES);
        memset(between[i], 0x70 + i, 100);
        CHECK(svm.attach(memory, buffers[i], BYTES, 0) == GPUSVM_DONE);
    }
    for (int i = 0; i < BUFFERS; i++)
        CHECK(gpu_write(buffers[i] + 8, 1000 + 100 * (uint64_t)i, 5).status == GPUSVM_DONE);
    for (int i = 0; i < BUFFERS; i++) {
        for (int page = 0; page < 5; page++)
            CHECK(*(uint64_t*)(buffers[i] + 8 + page * PAGE) == 1000 + 100u * i + page);
        CHECK(buffers[i][0] == i + 1 && buffers[i][BYTES - 1] == i + 1 && buffers[i][7 * 8 + 1] == i + 1);
        CHECK(between[i][0] == 0x70 + i && between[i][99] == 0x70 + i);
        void* churn = malloc(3000 + 100 * (size_t)i); /* The C library goes on beside it. */
        memset(churn, 1, 3000);
        free(churn);
    }
    CHECK(statistics().bytes_to_device > 0);
    for (int i = 0; i < BUFFERS; i++) {
        CHECK(gpu_write(buffers[i] + 8, 7, 5).status == GPUSVM_DONE);
        CHECK(svm.detach(memory, buffers[i]) == GPUSVM_DONE);
        CHECK(*(uint64_t*)(buffers[i] + 8 + 4 * PAGE) == 11);
        free(buffers[i]);
        free(between[i]);
    }
    char small[64]; /* Less than a page, on the stack: in place. */
    memset(small, 3, sizeof small);
    uint64_t* inside = (uint64_t*)(small + (8 - (uint64_t)small % 8) % 8);
    CHECK(svm.attach(memory, small, sizeof small, 0) == GPUSVM_DONE);
    CHECK(gpu_write(inside, 77, 1).status == GPUSVM_DONE && *inside == 77);
    CHECK(svm.detach(memory, small) == GPUSVM_DONE);
}

static void shared_anonymous(void)
{
    exchange(map(PAGES * PAGE, MAP_SHARED, -1), PAGES, 0);
}

static int file_of(uint64_t bytes)
{
    char name[] = "/tmp/gpusvm-attach-XXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0 && ftruncate(file, (off_t)bytes) == 0);
    return file;
}

/* What a kernel writes to a shared mapping of a file is in the file. */
static void shared_file(void)
{
    int file = file_of(PAGES * PAGE);
    uint64_t value;
    exchange(map(PAGES * PAGE, MAP_SHARED, file), PAGES, 0);
    CHECK(pread(file, &value, sizeof value, 2 * PAGE) == sizeof value && value == 302);
}

/* What a kernel writes to a private mapping breaks copy-on-write, as a store of the CPU does: the file stays. */
static void private_file(void)
{
    int file = file_of(PAGES * PAGE);
    uint64_t value = 42;
    CHECK(pwrite(file, &value, sizeof value, 3 * PAGE) == sizeof value);
    char* at = map(PAGES * PAGE, MAP_PRIVATE, file);
    CHECK(svm.attach(memory, at, PAGES * PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_load(at + 3 * PAGE) == 42);
    CHECK(gpu_write(at + 3 * PAGE, 43, 1).status == GPUSVM_DONE);
    CHECK(word(at, 3) == 43 && gpu_load(at + 3 * PAGE) == 43);
    CHECK(pread(file, &value, sizeof value, 3 * PAGE) == sizeof value && value == 42);
    value = 44;
    CHECK(pwrite(file, &value, sizeof value, 4 * PAGE) == sizeof value); /* Not written by anybody else: the file's page. */
    CHECK(gpu_load(at + 4 * PAGE) == 44);
    CHECK(svm.detach(memory, at) == GPUSVM_DONE);
    char* constant = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0);
    CHECK(svm.attach(memory, constant, PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_load(constant) == 0);
    CHECK_FAILS(gpu_write(constant, 1, 1), GPUSVM_READ_ONLY, constant);
    CHECK(svm.detach(memory, constant) == GPUSVM_DONE);
    exchange(map(PAGES * PAGE, MAP_PRIVATE, file), PAGES, 0);
}

/* memfd; then its file is cut and punched while it is attached. */
static void memfd(void)
{
    int file = memfd_create("gpusvm", MFD_CLOEXEC);
    CHECK(file >= 0 && ftruncate(file, PAGES * PAGE) == 0);
    char *at = map(PAGES * PAGE, MAP_SHARED, file), *twin = map(PAGES * PAGE, MAP_SHARED, file);
    exchange(at, PAGES, 0);
    CHECK(svm.attach(memory, at, PAGES * PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_write(at, 100, PAGES).status == GPUSVM_DONE);
    CHECK_WORDS(twin, 100, PAGES);
    *(volatile uint64_t*)(twin + PAGE) = 9;
    CHECK(gpu_load(at + PAGE) == 9);
    CHECK(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * PAGE, 2 * PAGE) == 0);
    CHECK(gpu_load(at + 2 * PAGE) == 0 && gpu_load(at + 4 * PAGE) == 104);
    CHECK(madvise(at + 6 * PAGE, PAGE, MADV_REMOVE) == 0);
    CHECK(gpu_load(at + 6 * PAGE) == 0 && gpu_load(at + 7 * PAGE) == 107);
    CHECK(madvise(at + 7 * PAGE, PAGE, MADV_DONTNEED) == 0);
    CHECK(gpu_load(at + 7 * PAGE) == 107); /* The file has it still. */
    CHECK(ftruncate(file, 16 * PAGE) == 0);
    uint64_t value;
    CHECK_FAILS(gpu_read(at + 20 * PAGE, &value), GPUSVM_NOT_MAPPED, at + 20 * PAGE);
    CHECK_FAILS(gpu_write(at + 14 * PAGE, 114, 4), GPUSVM_NOT_MAPPED, at + 16 * PAGE);
    CHECK(gpu_load(at + 15 * PAGE) == 115);
    CHECK(ftruncate(file, PAGES * PAGE) == 0);
    CHECK(gpu_load(at + 20 * PAGE) == 0);
    CHECK(mprotect(at, PAGE, PROT_READ) == 0);
    CHECK_FAILS(gpu_write(at, 1, 1), GPUSVM_READ_ONLY, at);
    CHECK(svm.detach(memory, at) == GPUSVM_DONE);
    CHECK(word(at, 15) == 115);
}

static void huge_pages(void)
{
    void* at = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (at == MAP_FAILED) {
        printf("needs huge pages: sudo sysctl -w vm.nr_hugepages=8\n");
        exit(NOT_AVAILABLE);
    }
    exchange(at, 2 * BLOCK / PAGE, 0);
}

/* Pages that the program has locked into RAM stay there, and a kernel uses them there. */
static void locked(void)
{
    char* at = map(PAGES * PAGE, MAP_PRIVATE, -1);
    CHECK(mlock(at, PAGES * PAGE) == 0);
    exchange(at, PAGES, 0);
}

/* In place on demand: nothing moves, and a window is refused with the reason. */
static void open_window(gpusvm_kernel_context* context, void* arguments)
{
    gpusvm_window window = { *(uint64_t*)arguments, 8, 0, 0, NULL };
    context->functions->windows(context, &window, 1);
}

static void in_place(void)
{
    char* at = map(PAGES * PAGE, MAP_PRIVATE, -1);
    *(uint64_t*)at = 1;
    uint64_t moved, address = (uint64_t)at;
    CHECK(svm.attach(memory, at, PAGES * PAGE, GPUSVM_ATTACH_IN_PLACE) == GPUSVM_DONE);
    CHECK(gpu_write(at, 100, PAGES).status == GPUSVM_DONE);
    (void)svm.prefetch(memory, at, PAGES * PAGE, 0, &moved);
    CHECK(moved == 0 && statistics().bytes_to_device == 0);
    CHECK_WORDS(at, 100, PAGES);
    CHECK_FAILS(run(memory, open_window, &address, 1), GPUSVM_NOT_SUPPORTED, at);
    CHECK(svm.detach(memory, at) == GPUSVM_DONE);
}

/* What cannot be had is refused with a sentence that names the remedy, and leaves nothing behind. */
static void refused(void)
{
    char* at = map(PAGES * PAGE, MAP_PRIVATE, -1);
    void* own = allocate(PAGE);
    CHECK(svm.attach(memory, NULL, 1, 0) == GPUSVM_INVALID_ARGUMENT);
    CHECK(svm.attach(memory, at, 0, 0) == GPUSVM_INVALID_ARGUMENT);
    CHECK(svm.attach(memory, at, UINT64_MAX, 0) == GPUSVM_INVALID_ARGUMENT);
    CHECK(svm.attach(memory, at, PAGE, 2) == GPUSVM_INVALID_ARGUMENT && strstr(last_error(), "GPUSVM_ATTACH_IN_PLACE") != NULL);
    CHECK(svm.attach(0, at, PAGE, 0) == GPUSVM_INVALID_HANDLE && svm.detach(0, at) == GPUSVM_INVALID_HANDLE);
    CHECK(svm.attach(memory, own, PAGE, 0) == GPUSVM_INVALID_ARGUMENT && strstr(last_error(), "gpusvm_alloc") != NULL);
    CHECK(munmap(at + 4 * PAGE, PAGE) == 0);
    CHECK(svm.attach(memory, at, PAGES * PAGE, 0) == GPUSVM_NOT_MAPPED && strstr(last_error(), "not mapped") != NULL);
    uint64_t value;
    CHECK_FAILS(gpu_read(at, &value), GPUSVM_NOT_MAPPED, at);
    CHECK(svm.attach(memory, at, 4 * PAGE, 0) == GPUSVM_DONE);
    CHECK(svm.attach(memory, at, 4 * PAGE, 0) == GPUSVM_INVALID_ARGUMENT);
    CHECK(svm.attach(memory, at + PAGE, PAGE, 0) == GPUSVM_INVALID_ARGUMENT && strstr(last_error(), "already") != NULL);
    CHECK(svm.detach(memory, at + PAGE) == GPUSVM_INVALID_HANDLE);
    gpusvm_options options = options_for("real");
    gpusvm_memory other;
    CHECK(svm.open(&options, &other) == GPUSVM_DONE);
    CHECK(svm.attach(other, at, PAGE, 0) == GPUSVM_BUSY && strstr(last_error(), "GPUSVM_ATTACH_IN_PLACE") != NULL);
    CHECK(svm.attach(other, own, PAGE, 0) == GPUSVM_BUSY);
    CHECK(svm.close(other) == GPUSVM_DONE);
    CHECK(svm.detach(memory, at) == GPUSVM_DONE);
    FILE* maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned long special = 0;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, "[vvar]") != NULL)
            sscanf(line, "%lx", &special);
    CHECK(special != 0);
    CHECK(svm.attach(memory, (void*)special, PAGE, 0) == GPUSVM_NOT_SUPPORTED && strstr(last_error(), "ordinary pages") != NULL);
    options.memory_kind = GPUSVM_MEMORY_PORTABLE;
    CHECK(svm.open(&options, &other) == GPUSVM_DONE);
    CHECK(svm.attach(other, at, PAGE, 0) == GPUSVM_NOT_SUPPORTED && strstr(last_error(), "doctor") != NULL);
    CHECK(svm.close(other) == GPUSVM_DONE);
}

/* Closing the memory with memory attached, and on the device, brings every byte home; moved memory is let go where it is. */
static void closed(void)
{
    gpusvm_memory own = memory;
    gpusvm_options options = options_for("real");
    CHECK(svm.open(&options, &memory) == GPUSVM_DONE);
    char *at = map(PAGES * PAGE, MAP_PRIVATE, -1), *to = map(PAGES * PAGE, MAP_PRIVATE, -1), *stays = map(PAGES * PAGE, MAP_PRIVATE, -1);
    CHECK(svm.attach(memory, at, PAGES * PAGE, 0) == GPUSVM_DONE && svm.attach(memory, stays, PAGES * PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_write(at, 100, PAGES).status == GPUSVM_DONE && gpu_write(stays, 500, PAGES).status == GPUSVM_DONE);
    CHECK(mremap(at, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    CHECK(svm.detach(memory, at) == GPUSVM_DONE);
    CHECK_WORDS(to, 100, PAGES);
    uint64_t value;
    CHECK_FAILS(gpu_read(to, &value), GPUSVM_NOT_MAPPED, to);
    CHECK(svm.attach(memory, to, PAGES * PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_write(to, 300, PAGES).status == GPUSVM_DONE);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    for (uint64_t hit = 1; hit <= 16; hit++) /* Closing waits until they can come home. */
        CHECK(svm.inject("CopyToHost", hit) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE && svm.inject_reset(0) == GPUSVM_DONE);
    memory = own;
    CHECK_WORDS(to, 300, PAGES);
    CHECK_WORDS(stays, 500, PAGES);
    CHECK(child_reads(to) == 0);
}

/* Detaching while a kernel writes: every addition that the kernel made is there, and the next is refused. */
static void detached_while_running(void)
{
    for (int round = 0; round < 10; round++) {
        char* at = map(PAGES * PAGE, MAP_PRIVATE, -1);
        uint64_t rounds = 0;
        gpusvm_launch launch;
        gpusvm_launch_result result = { .struct_bytes = sizeof result };
        CHECK(svm.attach(memory, at, PAGES * PAGE, round % 2 ? GPUSVM_ATTACH_IN_PLACE : 0) == GPUSVM_DONE);
        CHECK(gpu_write(at, 100, PAGES).status == GPUSVM_DONE);
        looped_at = at + 2 * PAGE;
        is_running = 0;
        CHECK(svm.launch_start(memory, loop, &rounds, 1, &launch) == GPUSVM_DONE);
        while (!is_running)
            usleep(100);
        usleep(1000 * (unsigned)round);
        int32_t status = svm.detach(memory, at);
        for (int tries = 0; status == GPUSVM_BUSY && tries < 100; tries++) /* The kernel was quicker each time. */
            status = svm.detach(memory, at);
        CHECK(status == GPUSVM_DONE);
        CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE);
        CHECK(result.status == GPUSVM_NOT_MAPPED && result.fault_address / PAGE == (uint64_t)looped_at / PAGE);
        CHECK(word(looped_at, 0) == 102 + rounds && rounds > 0);
        CHECK(word(at, 1) == 101 && word(at, 3) == 103);
        CHECK(munmap(at, PAGES * PAGE) == 0);
    }
}

/* Wishes and jobs name attached memory as they name what was allocated. */
static void named(void)
{
    char* at = map(PAGES * PAGE, MAP_PRIVATE, -1);
    gpusvm_advice never = { .struct_bytes = sizeof never, .never_migrate = GPUSVM_SWITCH_ON };
    CHECK(svm.advise(memory, at, PAGES * PAGE, &never) == GPUSVM_NOT_MAPPED);
    CHECK(svm.attach(memory, at, PAGES * PAGE, 0) == GPUSVM_DONE);
    CHECK(svm.advise(memory, at, PAGES * PAGE, &never) == GPUSVM_DONE);
    CHECK(gpu_write(at, 100, PAGES).status == GPUSVM_DONE);
    CHECK(statistics().bytes_to_device == 0);
    CHECK_WORDS(at, 100, PAGES);
    CHECK(svm.advise(memory, at - PAGE, PAGES * PAGE, &never) == GPUSVM_NOT_MAPPED);
    CHECK(svm.detach(memory, at) == GPUSVM_DONE);

    gpusvm_memory own = memory;
    gpusvm_options options = options_for("real");
    options.without_faults = 1;
    CHECK(svm.open(&options, &memory) == GPUSVM_DONE);
    char* file = map(PAGES * PAGE, MAP_SHARED, -1);
    CHECK(svm.attach(memory, at, PAGES * PAGE, 0) == GPUSVM_DONE && svm.attach(memory, file, PAGES * PAGE, 0) == GPUSVM_DONE);
    for (int i = 0; i < 2; i++) {
        work_t work = { (uint64_t)(i == 0 ? at : file), 500, PAGES, 1 };
        gpusvm_usage usage = { .pointer = (void*)work.address, .bytes = PAGES * PAGE, .access = 1 };
        gpusvm_launch launch;
        gpusvm_launch_result result = { .struct_bytes = sizeof result };
        CHECK(svm.launch_start_using(memory, touch, &work, 1, &usage, 1, &launch) == GPUSVM_DONE);
        CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE && result.status == GPUSVM_DONE);
    }
    CHECK(svm.check(memory) == GPUSVM_DONE && svm.close(memory) == GPUSVM_DONE);
    memory = own;
    CHECK_WORDS(at, 500, PAGES);
    CHECK_WORDS(file, 500, PAGES);
}

static const case_t cases[] = {
    { "anonymous", anonymous },
    { "malloc", from_malloc },
    { "shared-anonymous", shared_anonymous },
    { "shared-file", shared_file },
    { "private-file", private_file },
    { "memfd", memfd },
    { "huge-pages", huge_pages },
    { "locked", locked },
    { "in-place", in_place },
    { "refused", refused },
    { "closed", closed },
    { "detached-while-running", detached_while_running },
    { "named", named },
    { NULL, NULL },
};

int main(int count, char** arguments)
{
    return run_case(count, arguments, cases);
}
