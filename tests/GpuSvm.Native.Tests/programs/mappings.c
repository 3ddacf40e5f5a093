/* SPDX-License-Identifier: MIT */
/* What a program does to the mappings of shared memory, and what it and its kernels see then: docs/real-memory.md has the table. The second argument is the case. */
#include "mappings.h"

static char* filled(void)
{
    char* at = allocate(PAGES * PAGE);
    CHECK(gpu_write(at, 100, PAGES).status == GPUSVM_DONE);
    return at;
}

/* mprotect to read-only: kernels and CPU read, a write of a kernel is refused with its address, and back. */
static void protect_read(void)
{
    char* at = filled();
    uint64_t moved;
    CHECK(mprotect(at, PAGES * PAGE, PROT_READ) == 0);
    CHECK(svm.prefetch(memory, at, PAGES * PAGE, 1, &moved) == GPUSVM_DONE); /* Naming it is looking at it. */
    CHECK_FAILS(gpu_write(at + 3 * PAGE, 7, 1), GPUSVM_READ_ONLY, at + 3 * PAGE);
    CHECK(gpu_load(at + 3 * PAGE) == 103);
    CHECK_WORDS(at, 100, PAGES);
    CHECK_FAILS(gpu_write(at, 7, 1), GPUSVM_READ_ONLY, at);
    CHECK(mprotect(at, PAGES * PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(gpu_write(at, 200, PAGES).status == GPUSVM_DONE);
    CHECK_WORDS(at, 200, PAGES);
    CHECK(svm.free(memory, at) == GPUSVM_DONE);
}

/* A kernel has it bound for writing where it is, in system memory: mprotect holds at once. */
static void protect_bound(void)
{
    char* at = filled();
    CHECK(gpu_write(at, 300, PAGES).status == GPUSVM_DONE);
    CHECK(mprotect(at + PAGE, PAGE, PROT_READ) == 0);
    CHECK_FAILS(gpu_write(at, 400, PAGES), GPUSVM_READ_ONLY, at + PAGE);
    CHECK(word(at, 0) == 400 && word(at, 1) == 301 && word(at, 2) == 302);
    CHECK(mprotect(at + PAGE, PAGE, PROT_NONE) == 0);
    uint64_t value;
    CHECK_FAILS(gpu_read(at + PAGE, &value), GPUSVM_NOT_MAPPED, at + PAGE);
    CHECK(mprotect(at + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(gpu_write(at, 500, PAGES).status == GPUSVM_DONE);
    CHECK_WORDS(at, 500, PAGES);
}

/* It is on the device, bound for writing: until something looks at the mapping, the kernel may write on. Whatever it is told, no byte is lost. */
static void protect_unnoticed(void)
{
    char* at = filled();
    CHECK(mprotect(at, PAGES * PAGE, PROT_READ) == 0);
    int32_t status = gpu_write(at, 200, PAGES).status;
    CHECK(status == GPUSVM_DONE || status == GPUSVM_READ_ONLY);
    CHECK_WORDS(at, status == GPUSVM_DONE ? 200u : 100u, PAGES);
    CHECK_FAILS(gpu_write(at, 300, 1), GPUSVM_READ_ONLY, at); /* The CPU has taken it home: now it was looked at. */
}

/* mprotect to none: kernels are refused, the pages on the device stay, and back. */
static void protect_none(void)
{
    char* at = filled();
    uint64_t value, moved;
    CHECK(mprotect(at, PAGES * PAGE, PROT_NONE) == 0);
    (void)svm.prefetch(memory, at, PAGES * PAGE, 1, &moved);
    CHECK_FAILS(gpu_read(at, &value), GPUSVM_NOT_MAPPED, at);
    CHECK_FAILS(gpu_write(at, 1, 1), GPUSVM_NOT_MAPPED, at);
    CHECK(mprotect(at, PAGES * PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(gpu_load(at + PAGE) == 101);
    CHECK_WORDS(at, 100, PAGES);
}

/* Freeing what mprotect and munmap have cut, partly on the device; what was mapped over it stays. */
static void cut_and_free(void)
{
    char* at = filled();
    CHECK(mprotect(at + 2 * PAGE, PAGE, PROT_READ) == 0 && mprotect(at + 4 * PAGE, PAGE, PROT_NONE) == 0);
    CHECK(munmap(at + 8 * PAGE, 2 * PAGE) == 0);
    uint64_t value;
    CHECK_FAILS(gpu_read(at + 8 * PAGE, &value), GPUSVM_NOT_MAPPED, at + 8 * PAGE);
    CHECK(gpu_load(at + 7 * PAGE) == 107 && gpu_load(at + 10 * PAGE) == 110);
    CHECK(mmap(at + 16 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at + 16 * PAGE);
    for (uint64_t page = 0; page < 4; page++)
        *(uint64_t*)(at + (16 + page) * PAGE) = 900 + page;
    CHECK_FAILS(gpu_read(at + 16 * PAGE, &value), GPUSVM_NOT_MAPPED, at + 16 * PAGE); /* Not shared until it is attached. */
    CHECK(svm.attach(memory, at + 16 * PAGE, 4 * PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_load(at + 17 * PAGE) == 901);
    CHECK(svm.free(memory, at) == GPUSVM_DONE);
    CHECK(svm.free(memory, at) == GPUSVM_INVALID_HANDLE);
    CHECK(statistics().heap_bytes == 0);
    CHECK(gpu_write(at + 16 * PAGE, 950, 4).status == GPUSVM_DONE);
    CHECK(svm.detach(memory, at + 16 * PAGE) == GPUSVM_DONE);
    CHECK_WORDS(at + 16 * PAGE, 950, 4);
    for (int i = 0; i < 50; i++) {
        char* other = allocate(3 * PAGE);
        CHECK(other + 3 * PAGE <= at + 16 * PAGE || other >= at + 20 * PAGE);
    }
}

/* mremap to another address: bytes on the device are found there, by both sides. */
static void remap_move(void)
{
    char* at = filled();
    char* to = map(PAGES * PAGE, MAP_PRIVATE, -1);
    uint64_t value, moved;
    CHECK(mremap(at, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    CHECK_FAILS(gpu_read(at, &value), GPUSVM_NOT_MAPPED, at);
    CHECK(gpu_load(to + PAGE) == 101);
    CHECK(svm.prefetch(memory, to, PAGES * PAGE, 0, &moved) == GPUSVM_DONE);
    CHECK_WORDS(to, 100, PAGES);
    CHECK(gpu_write(to, 200, PAGES).status == GPUSVM_DONE);
    CHECK(svm.free(memory, at) == GPUSVM_DONE); /* Of the allocation nothing is left where it was. */
    CHECK_WORDS(to, 200, PAGES);
    CHECK(gpu_write(to, 300, PAGES).status == GPUSVM_DONE);
    CHECK(munmap(to, PAGES * PAGE) == 0);
    CHECK_FAILS(gpu_read(to, &value), GPUSVM_NOT_MAPPED, to);
}

/* mremap that grows (and so moves, for a guard stands behind), shrinks, and leaves the old place empty. */
static void remap_sizes(void)
{
    char* at = filled();
    uint64_t value;
    char* grown = mremap(at, PAGES * PAGE, 3 * PAGES * PAGE, MREMAP_MAYMOVE);
    CHECK(grown != MAP_FAILED);
    CHECK(gpu_load(grown + PAGE) == 101 && word(grown, 2 * PAGES) == 0);
    CHECK(gpu_write(grown + PAGES * PAGE, 500, 2 * PAGES).status == GPUSVM_DONE);
    CHECK_WORDS(grown, 100, PAGES);
    CHECK_WORDS(grown + PAGES * PAGE, 500, 2 * PAGES);
    CHECK(gpu_write(grown, 600, 3 * PAGES).status == GPUSVM_DONE);
    CHECK(mremap(grown, 3 * PAGES * PAGE, PAGES * PAGE, 0) == grown);
    CHECK_FAILS(gpu_read(grown + PAGES * PAGE, &value), GPUSVM_NOT_MAPPED, grown + PAGES * PAGE);
    CHECK_WORDS(grown, 600, PAGES);
    CHECK(gpu_write(grown, 700, PAGES).status == GPUSVM_DONE);
    char* kept = mremap(grown, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */, NULL);
    if (kept == MAP_FAILED)
        perror("MREMAP_DONTUNMAP");
    CHECK(kept != MAP_FAILED && kept != grown);
    CHECK(gpu_load(kept + PAGE) == 701);
    CHECK_WORDS(kept, 700, PAGES);
    CHECK(gpu_load(grown) == 0 && word(grown, 1) == 0);
    CHECK(gpu_write(grown, 800, PAGES).status == GPUSVM_DONE);
    CHECK_WORDS(grown, 800, PAGES);
    CHECK_WORDS(kept, 700, PAGES);
}

/* A mapping that grows where it stands, of which nothing tells. */
static void remap_in_place(void)
{
    char* room = map(64 * PAGE, MAP_PRIVATE, -1);
    CHECK(munmap(room + 16 * PAGE, 48 * PAGE) == 0);
    CHECK(svm.attach(memory, room, 16 * PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_write(room, 100, 16).status == GPUSVM_DONE);
    if (mremap(room, 16 * PAGE, 32 * PAGE, 0) == room) {
        *(volatile uint64_t*)(room + 20 * PAGE) = 5; /* The CPU's fault comes to us. */
        CHECK(gpu_load(room + 20 * PAGE) == 5 && gpu_load(room + 31 * PAGE) == 0);
    }
    CHECK_WORDS(room, 100, 16);
    CHECK(gpu_write(room, 200, 16).status == GPUSVM_DONE);
    CHECK(svm.detach(memory, room) == GPUSVM_DONE);
    CHECK_WORDS(room, 200, 16);

    /* Two that the kernel joins, for they are neighbours and registered alike: growing is the second one's. */
    char* pair = map(64 * PAGE, MAP_PRIVATE, -1);
    CHECK(munmap(pair + 16 * PAGE, 48 * PAGE) == 0);
    CHECK(svm.attach(memory, pair, 8 * PAGE, 0) == GPUSVM_DONE && svm.attach(memory, pair + 8 * PAGE, 8 * PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_write(pair, 100, 16).status == GPUSVM_DONE);
    int grows = mremap(pair, 16 * PAGE, 32 * PAGE, 0) == pair;
    if (grows)
        *(volatile uint64_t*)(pair + 20 * PAGE) = 5;
    CHECK(svm.detach(memory, pair) == GPUSVM_DONE);
    CHECK(gpu_write(pair + 8 * PAGE, 300, grows ? 24 : 8).status == GPUSVM_DONE);
    CHECK(svm.detach(memory, pair + 8 * PAGE) == GPUSVM_DONE);
    CHECK_WORDS(pair, 100, 8);
    CHECK_WORDS(pair + 8 * PAGE, 300, grows ? 24u : 8u);
    uint64_t value;
    CHECK_FAILS(gpu_read(pair + 20 * PAGE, &value), GPUSVM_NOT_MAPPED, pair + 20 * PAGE);
}

/* madvise over pages on the device and in RAM. */
static void advise(void)
{
    char* at = allocate(BLOCK);
    CHECK(gpu_write(at, 100, BLOCK / PAGE).status == GPUSVM_DONE);
    CHECK(word(at, 0) == 100); /* Some come home. */
    CHECK(gpu_write(at + BLOCK / 2, 100 + BLOCK / PAGE / 2, 64).status == GPUSVM_DONE);
    CHECK(madvise(at + 4 * PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
    CHECK(gpu_load(at + 4 * PAGE) == 0 && word(at, 5) == 0 && word(at, 6) == 106);
    CHECK(madvise(at + BLOCK / 2, PAGE, MADV_DONTNEED) == 0);
    CHECK(gpu_load(at + BLOCK / 2) == 0 && word(at, BLOCK / PAGE / 2 + 1) == 101 + BLOCK / PAGE / 2);
    CHECK(madvise(at + 8 * PAGE, PAGE, MADV_FREE) == 0);
    uint64_t freed = word(at, 8);
    CHECK(freed == 108 || freed == 0);
    CHECK(gpu_write(at + 16 * PAGE, 116, 16).status == GPUSVM_DONE);
    CHECK(madvise(at + 12 * PAGE, 16 * PAGE, 21 /* MADV_PAGEOUT */) == 0);
    CHECK(madvise(at + 12 * PAGE, 16 * PAGE, 20 /* MADV_COLD */) == 0);
    CHECK_WORDS(at + 12 * PAGE, 112, 20);
    CHECK(gpu_load(at + 13 * PAGE) == 113);
    CHECK(gpu_write(at + 32 * PAGE, 132, 16).status == GPUSVM_DONE);
    (void)madvise(at, BLOCK, MADV_COLLAPSE); /* May be refused; loses nothing either way. */
    CHECK_WORDS(at + 32 * PAGE, 132, 64);
    CHECK(gpu_load(at + 40 * PAGE) == 140);
    (void)madvise(at, BLOCK, MADV_HUGEPAGE);
    (void)madvise(at, BLOCK, MADV_COLLAPSE);
    CHECK(madvise(at + 64 * PAGE, PAGE, MADV_NOHUGEPAGE) == 0); /* Splits it. */
    CHECK(gpu_write(at + 60 * PAGE, 160, 8).status == GPUSVM_DONE);
    CHECK_WORDS(at + 60 * PAGE, 160, 8);
    CHECK_WORDS(at + 68 * PAGE, 168, 8);
}

/* Guards (MADV_GUARD_INSTALL): a kernel is refused as the CPU would be, and its neighbours are not; after their removal the page is zero. A device that has the page keeps it until it comes home. */
static void guard(void)
{
    char* at = filled();
    uint64_t value, moved;
    CHECK(svm.prefetch(memory, at, PAGES / 2 * PAGE, 1, &moved) == GPUSVM_DONE);
    if (madvise(at + 2 * PAGE, PAGE, MADV_GUARD_INSTALL) != 0) {
        printf("needs Linux 6.13: no guards\n");
        exit(NOT_AVAILABLE);
    }
    CHECK(madvise(at + 20 * PAGE, PAGE, MADV_GUARD_INSTALL) == 0);
    CHECK_FAILS(gpu_read(at + 2 * PAGE, &value), GPUSVM_NOT_MAPPED, at + 2 * PAGE);
    CHECK_FAILS(gpu_write(at, 100, 4), GPUSVM_NOT_MAPPED, at + 2 * PAGE);
    CHECK(gpu_load(at + PAGE) == 101 && gpu_load(at + 3 * PAGE) == 103);
    CHECK(word(at, 1) == 101 && word(at, 3) == 103);
    CHECK(svm.prefetch(memory, at, PAGES * PAGE, 1, &moved) == GPUSVM_DONE);
    CHECK_FAILS(gpu_read(at + 20 * PAGE, &value), GPUSVM_NOT_MAPPED, at + 20 * PAGE);
    CHECK(madvise(at, PAGES * PAGE, MADV_GUARD_REMOVE) == 0);
    CHECK(gpu_load(at + 2 * PAGE) == 0 && gpu_load(at + 20 * PAGE) == 0);
    CHECK(gpu_write(at, 300, PAGES).status == GPUSVM_DONE);
    CHECK_WORDS(at, 300, PAGES);
}

static char* contended;

static void* add_many(void* argument)
{
    (void)argument;
    for (int i = 0; i < 2000; i++) {
        atomic_fetch_add((_Atomic uint64_t*)contended, 1);
        atomic_fetch_add((_Atomic uint64_t*)(contended + PAGE), 1);
    }
    return NULL;
}

/* Several threads fault one page, again and again, while kernels take it. */
static void threads_one_page(void)
{
    contended = filled();
    pthread_t threads[4];
    for (int round = 0; round < 4; round++) {
        CHECK(gpu_write(contended, 0, 2).status == GPUSVM_DONE);
        for (int i = 0; i < 4; i++)
            CHECK(pthread_create(&threads[i], NULL, add_many, NULL) == 0);
        for (int i = 0; i < 20; i++)
            (void)gpu_load(contended + 2 * PAGE);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        CHECK(word(contended, 0) == 8000 && word(contended, 1) == 8001);
    }
}

/* A system call that reads into, and one that writes from, memory on the device. */
static void system_calls(void)
{
    char* at = filled();
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(write(ends[1], at + PAGE, 2 * PAGE) == 2 * PAGE);
    static char back[2 * PAGE];
    CHECK(read(ends[0], back, sizeof back) == sizeof back && word(back, 0) == 101 && word(back, 1) == 102);
    *(uint64_t*)back = 7;
    CHECK(gpu_write(at, 200, PAGES).status == GPUSVM_DONE);
    CHECK(write(ends[1], back, sizeof back) == sizeof back);
    CHECK(read(ends[0], at + PAGE, 2 * PAGE) == 2 * PAGE);
    CHECK(word(at, 0) == 200 && word(at, 1) == 7 && word(at, 2) == 102 && word(at, 3) == 203);
    CHECK(gpu_load(at + PAGE) == 7);
}

/* The mapping goes, or another comes in its place, while a kernel works on it: the launch fails with the address, and the new one is untouched. */
static void replaced_while_running(void)
{
    for (int replaces = 0; replaces < 2; replaces++) {
        char* at = filled();
        uint64_t rounds = 0;
        gpusvm_launch launch;
        gpusvm_launch_result result = { .struct_bytes = sizeof result };
        looped_at = at + 2 * PAGE;
        is_running = 0;
        CHECK(svm.launch_start(memory, loop, &rounds, 1, &launch) == GPUSVM_DONE);
        while (!is_running)
            usleep(100);
        usleep(2000);
        if (replaces)
            CHECK(mmap(looped_at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == looped_at);
        else
            CHECK(munmap(looped_at, PAGE) == 0);
        CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE);
        CHECK(result.status == GPUSVM_NOT_MAPPED || result.status == GPUSVM_READ_ONLY);
        CHECK(result.fault_address / PAGE == (uint64_t)looped_at / PAGE);
        CHECK(!replaces || word(looped_at, 0) == 0);
        CHECK(word(at, 1) == 101 && word(at, 3) == 103);
        CHECK(svm.free(memory, at) == GPUSVM_DONE);
    }
}

/* A page that a kernel uses without pause is given up again and again: the kernel may sleep in it while it is being served, and nobody may wait for the kernel meanwhile. */
static void given_up_while_running(void)
{
    char* at = filled();
    uint64_t rounds = 0;
    gpusvm_launch launch;
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    looped_at = at + 2 * PAGE;
    is_running = 0;
    CHECK(svm.launch_start(memory, loop, &rounds, 1, &launch) == GPUSVM_DONE);
    while (!is_running)
        usleep(100);
    for (int i = 0; i < 2000; i++)
        CHECK(madvise(looped_at, PAGE, MADV_DONTNEED) == 0);
    CHECK(munmap(looped_at, PAGE) == 0);
    CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE);
    CHECK(result.status == GPUSVM_NOT_MAPPED && result.fault_address / PAGE == (uint64_t)looped_at / PAGE);
    CHECK(word(at, 1) == 101 && word(at, 3) == 103);
    CHECK(svm.free(memory, at) == GPUSVM_DONE);
}

static const case_t cases[] = {
    { "protect-read", protect_read },
    { "protect-bound", protect_bound },
    { "protect-unnoticed", protect_unnoticed },
    { "protect-none", protect_none },
    { "cut-and-free", cut_and_free },
    { "remap-move", remap_move },
    { "remap-sizes", remap_sizes },
    { "remap-in-place", remap_in_place },
    { "advise", advise },
    { "guard", guard },
    { "threads-one-page", threads_one_page },
    { "system-calls", system_calls },
    { "replaced-while-running", replaced_while_running },
    { "given-up-while-running", given_up_while_running },
    { NULL, NULL },
};

int main(int count, char** arguments)
{
    return run_case(count, arguments, cases);
}
