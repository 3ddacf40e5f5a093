/* SPDX-License-Identifier: MIT */
/* The program's side of the tests: threads and signals that a managed test cannot have. Compiled when the tests run. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Adds 1 to a counter so many times, with a plain load and store each: a write that is lost shows. */
void program_increment(volatile uint64_t *counter, uint64_t times)
{
    while (times--)
        *counter = *counter + 1;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Nanoseconds that one load took. */
uint64_t program_timed_load(volatile uint8_t *address)
{
    uint64_t start = now_ns();
    (void)*address;
    return now_ns() - start;
}

static __thread sigjmp_buf jump;
static __thread volatile sig_atomic_t armed;
static struct sigaction old_bus, old_segv;

static void on_signal(int number, siginfo_t *info, void *context)
{
    if (armed)
        siglongjmp(jump, number);
    struct sigaction *old = number == SIGBUS ? &old_bus : &old_segv;
    if (old->sa_flags & SA_SIGINFO)
        old->sa_sigaction(number, info, context);
    else
        _exit(99);
}

void program_catch_signals(void)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    sigaction(SIGBUS, &action, &old_bus);
    sigaction(SIGSEGV, &action, &old_segv);
}

void program_release_signals(void)
{
    sigaction(SIGBUS, &old_bus, NULL);
    sigaction(SIGSEGV, &old_segv, NULL);
}

/* Loads or stores one byte; 0, or the signal that ended the access. */
int program_try(volatile uint8_t *address, int write)
{
    int number = sigsetjmp(jump, 1);
    if (number == 0) {
        armed = 1;
        if (write)
            *address = 1;
        else
            (void)*address;
    }
    armed = 0;
    return number;
}

/* Forks a child that reads one byte; 0 if it could, else the signal that ended it. */
int program_child_reads(volatile uint8_t *address)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        (void)*address;
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Forks a child that sleeps until it is killed; its process id. */
int program_fork_sleeper(void)
{
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    return (int)child;
}

void program_kill(int child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* Pins a page for as long as the descriptor that comes back is open (io_uring's registered buffers); -1 if this kernel does not let us. */
int program_pin(void *page, uint64_t bytes)
{
    struct {
        uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3];
        uint8_t offsets[80];
    } params;
    struct iovec vector = { page, bytes };
    int ring;
    memset(&params, 0, sizeof params);
    ring = (int)syscall(SYS_io_uring_setup, 1, &params);
    if (ring < 0)
        return -1;
    if (syscall(SYS_io_uring_register, ring, 0 /* IORING_REGISTER_BUFFERS */, &vector, 1)) {
        close(ring);
        return -1;
    }
    return ring;
}

void program_unpin(int ring)
{
    syscall(SYS_io_uring_register, ring, 1 /* IORING_UNREGISTER_BUFFERS */, NULL, 0);
    close(ring);
}
