/* SPDX-License-Identifier: MIT */
/*
 * uffd_floor: what a CPU page fault served by userfaultfd costs at least on this machine.
 *
 * One thread touches an absent page; a handler thread, asleep in a blocking read, brings the bytes from a buffer elsewhere and goes on. Timed is
 * the touch. 4 KiB and 64 KiB are brought by UFFDIO_COPY, 2 MiB by memcpy into a spare huge page and UFFDIO_MOVE. Taking the page away again
 * is not timed.
 *
 *   cc -O2 -pthread -o uffd_floor uffd_floor.c
 *   ./uffd_floor [--pin-faulter CPU] [--pin-handler CPU] [--rounds N]
 *
 * Prints one line for each size: SIZE_BYTES MEDIAN_NS P99_NS. Exit code 2: userfaultfd is not to be had; the reason is on stderr.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Headers older than 6.8 do not know MOVE. */
struct floor_move {
    uint64_t dst, src, len, mode;
    int64_t move;
};
#define FLOOR_UFFDIO_MOVE _IOWR(0xAA, 0x05, struct floor_move)
#define FLOOR_FEATURE_MOVE (1u << 16)
#define FLOOR_IOC_NEW _IO(0xAA, 0x00)

#define HUGE_BYTES (2ul << 20)

static int heap_fd, spare_fd;
static char *heap, *spare, *content;
static size_t fault_bytes;
static int pin_handler = -1;

static void fail(const char *what)
{
    fprintf(stderr, "uffd_floor: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void pin(int cpu)
{
    cpu_set_t set;
    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        fail("sched_setaffinity");
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_uffd(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = FLOOR_FEATURE_MOVE };
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (fd < 0) {
        int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
        if (device >= 0) {
            fd = ioctl(device, FLOOR_IOC_NEW, O_CLOEXEC);
            close(device);
        }
    }
    if (fd < 0)
        fail("userfaultfd");
    if (ioctl(fd, UFFDIO_API, &api))
        fail("UFFDIO_API (Linux 6.8 or later is needed)");
    return fd;
}

/* 2 MiB of anonymous memory on a 2 MiB boundary, in one huge page where there is one. */
static char *map_huge(void)
{
    char *raw = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED)
        fail("mmap");
    raw = (char *)(((uintptr_t)raw + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
    madvise(raw, HUGE_BYTES, MADV_HUGEPAGE);
    return raw;
}

static void register_range(int fd, void *start)
{
    struct uffdio_register r = { .range = { (uintptr_t)start, HUGE_BYTES }, .mode = UFFDIO_REGISTER_MODE_MISSING };
    if (ioctl(fd, UFFDIO_REGISTER, &r))
        fail("UFFDIO_REGISTER");
}

static void move(int fd, char *to, char *from)
{
    struct floor_move m = { (uintptr_t)to, (uintptr_t)from, HUGE_BYTES, 0, 0 };
    if (ioctl(fd, FLOOR_UFFDIO_MOVE, &m) || m.move != (int64_t)HUGE_BYTES)
        fail("UFFDIO_MOVE");
}

static void *handler(void *unused)
{
    struct uffd_msg message;
    (void)unused;
    pin(pin_handler);
    for (;;) {
        if (read(heap_fd, &message, sizeof message) != (ssize_t)sizeof message)
            fail("read");
        if (message.event != UFFD_EVENT_PAGEFAULT)
            continue;
        if (fault_bytes == HUGE_BYTES) {
            memcpy(spare, content, HUGE_BYTES);
            move(heap_fd, heap, spare);
        } else {
            struct uffdio_copy c = { .dst = message.arg.pagefault.address & ~((uint64_t)fault_bytes - 1), .src = (uintptr_t)content, .len = fault_bytes };
            if (ioctl(heap_fd, UFFDIO_COPY, &c))
                fail("UFFDIO_COPY");
        }
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = { 4096, 65536, HUGE_BYTES };
    int pin_faulter = -1;
    long rounds = 2000;
    uint64_t *times;
    pthread_t thread;

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) {
            fprintf(stderr, "uffd_floor: %s needs a value\n", argv[i]);
            return 2;
        }
        if (!strcmp(argv[i], "--pin-faulter"))
            pin_faulter = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--pin-handler"))
            pin_handler = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--rounds"))
            rounds = atol(argv[i + 1]);
        else {
            fprintf(stderr, "uffd_floor: unknown option %s\n", argv[i]);
            return 2;
        }
    }
    if (rounds < 1) {
        fprintf(stderr, "uffd_floor: --rounds must be at least 1\n");
        return 2;
    }

    times = malloc(sizeof *times * (size_t)rounds);
    heap_fd = open_uffd();
    spare_fd = open_uffd();
    heap = map_huge();
    spare = map_huge();
    content = map_huge();
    if (!times)
        fail("malloc");
    memset(content, 0x5a, HUGE_BYTES);
    register_range(heap_fd, heap);
    /* Write-protect mode: a touch of the spare page is the kernel's own affair, and pages can be moved there. */
    {
        struct uffdio_register r = { .range = { (uintptr_t)spare, HUGE_BYTES }, .mode = UFFDIO_REGISTER_MODE_WP };
        if (ioctl(spare_fd, UFFDIO_REGISTER, &r))
            fail("UFFDIO_REGISTER");
    }
    memset(spare, 0, HUGE_BYTES);
    /* In this order, so that an unpinned handler does not inherit the faulter's CPU. */
    if (pthread_create(&thread, NULL, handler, NULL))
        fail("pthread_create");
    pin(pin_faulter);

    /* The largest first: small pages leave a page table behind, into which a huge page does not move whole. */
    for (int s = 2; s >= 0; s--) {
        fault_bytes = sizes[s];
        for (long i = 0; i < rounds; i++) {
            uint64_t start = now_ns();
            char byte = *(volatile char *)heap;
            times[i] = now_ns() - start;
            if (byte != 0x5a) {
                fprintf(stderr, "uffd_floor: wrong byte\n");
                return 1;
            }
            if (fault_bytes == HUGE_BYTES)
                move(spare_fd, spare, heap);
            else if (madvise(heap, fault_bytes, MADV_DONTNEED))
                fail("madvise");
        }
        qsort(times, (size_t)rounds, sizeof *times, by_value);
        printf("%zu %llu %llu\n", fault_bytes, (unsigned long long)times[rounds / 2], (unsigned long long)times[rounds * 99 / 100]);
        fflush(stdout);
    }
    return 0;
}
