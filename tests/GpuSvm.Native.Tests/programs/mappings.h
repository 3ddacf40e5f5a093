/* SPDX-License-Identifier: MIT */
/* What the programs about mappings share: kernels that read, write and wait, and the memory they open. */
#ifndef MAPPINGS_H
#define MAPPINGS_H

#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define BLOCK (2ul << 20)
#define PAGES 32 /* of the piece that most cases work on */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

static gpusvm_memory memory;

typedef struct {
    uint64_t address;
    uint64_t value; /* what is written, or was read */
    uint64_t pages; /* a word of each, value + page */
    int write;
} work_t;

static void touch(gpusvm_kernel_context* context, void* arguments)
{
    work_t* work = arguments;
    for (uint64_t page = 0; page < work->pages; page++) {
        uint64_t value = work->value + page;
        if ((work->write ? context->functions->write(context, work->address + page * PAGE, &value, sizeof value)
                         : context->functions->read(context, work->address + page * PAGE, &value, sizeof value)) != GPUSVM_DONE)
            return;
        if (!work->write)
            work->value = value - page;
    }
}

/* A kernel writes value + page to the start of each page. */
static gpusvm_launch_result gpu_write(void* at, uint64_t value, uint64_t pages)
{
    work_t work = { (uint64_t)at, value, pages, 1 };
    return run(memory, touch, &work, 1);
}

static gpusvm_launch_result gpu_read(void* at, uint64_t* value)
{
    work_t work = { (uint64_t)at, 0, 1, 0 };
    gpusvm_launch_result result = run(memory, touch, &work, 1);
    *value = work.value;
    return result;
}

static inline uint64_t gpu_load(void* at)
{
    uint64_t value;
    CHECK(gpu_read(at, &value).status == GPUSVM_DONE);
    return value;
}

/* The word at the start of a page, as the CPU has it. */
static inline uint64_t word(void* at, uint64_t page)
{
    return *(volatile uint64_t*)((char*)at + page * PAGE);
}

#define CHECK_WORDS(at, value, pages) \
    do { \
        for (uint64_t page_ = 0; page_ < (pages); page_++) \
            CHECK(word(at, page_) == (value) + page_); \
    } while (0)

/* A launch that must fail, and where. */
#define CHECK_FAILS(launch, expected, at) \
    do { \
        gpusvm_launch_result result_ = (launch); \
        if (result_.status != (expected) || result_.fault_address / PAGE != (uint64_t)(at) / PAGE) \
            fprintf(stderr, "status %d at 0x%llx\n", result_.status, (unsigned long long)result_.fault_address); \
        CHECK(result_.status == (expected) && result_.fault_address / PAGE == (uint64_t)(at) / PAGE); \
    } while (0)

static _Atomic int is_running;
static char* looped_at;

/* Adds 1 to a word again and again, until an access is refused; counts how often it could. */
static inline void loop(gpusvm_kernel_context* context, void* arguments)
{
    uint64_t value, *rounds = arguments;
    for (; *rounds < 1000000000; ++*rounds) {
        is_running = 1;
        if (context->functions->read(context, (uint64_t)looped_at, &value, sizeof value) != GPUSVM_DONE)
            return;
        value++;
        if (context->functions->write(context, (uint64_t)looped_at, &value, sizeof value) != GPUSVM_DONE)
            return;
    }
}

static inline char* allocate(uint64_t bytes)
{
    void* pointer;
    CHECK(svm.alloc(memory, bytes, &pointer) == GPUSVM_DONE);
    return pointer;
}

static inline char* map(uint64_t bytes, int flags, int file)
{
    char* at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | (file < 0 ? MAP_ANONYMOUS : 0), file, 0);
    CHECK(at != MAP_FAILED);
    return at;
}

static inline gpusvm_statistics statistics(void)
{
    gpusvm_statistics now = { .struct_bytes = sizeof now };
    CHECK(svm.read_statistics(memory, &now) == GPUSVM_DONE);
    return now;
}

/* The signal at which a child ends that reads a byte; 0 if it could. */
static inline int child_reads(volatile char* at)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        (void)*at;
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

typedef struct {
    const char* name;
    void (*run)(void);
} case_t;

/* Runs the case that the second argument names; the third, "here", keeps pages in system memory. */
static inline int run_case(int count, char** arguments, const case_t* cases)
{
    CHECK(count >= 3);
    load(arguments[1]);
    gpusvm_options options = options_for("real");
    options.device_memory_bytes = 16 << 20;
    options.migration = count > 3 && strcmp(arguments[3], "here") == 0;
    memory = open_or_skip(&options);
    for (; cases->name != NULL; cases++) {
        if (strcmp(cases->name, arguments[2]) != 0)
            continue;
        cases->run();
        CHECK(svm.check(memory) == GPUSVM_DONE);
        CHECK(svm.close(memory) == GPUSVM_DONE);
        return 0;
    }
    fprintf(stderr, "there is no case %s\n", arguments[2]);
    return 1;
}
#endif
