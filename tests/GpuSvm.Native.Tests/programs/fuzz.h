/* SPDX-License-Identifier: MIT */
/* What the parts of fuzz.c share: a thread's random numbers, its pieces of memory and what they must hold, and handles of any kind. */
#ifndef FUZZ_H
#define FUZZ_H

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "load.h"

#define THREADS 3
#define PIECES 6
#define HANDLES 64
#define PAGE 4096

typedef struct {
    unsigned char* pointer;
    uint64_t bytes;
    unsigned char seed;
    int is_attached;
} piece_t;

typedef struct {
    uint64_t random;
    uint64_t calls;
    int doing; /* The kind of call it is in: those of its own from 100 on. */
    int has_ended;
    piece_t pieces[PIECES];
    int number; /* From 0. */
    pthread_t thread;
} worker_t;

static gpusvm_memory memory;             /* The one whose bytes are checked. */
static volatile gpusvm_memory victim;    /* One that comes and goes under everybody's calls. */
static uint64_t handles[HANDLES];        /* Of any kind, of any thread, alive or not. */
static time_t end;
static uint64_t first_seed;
static int can_attach;

static uint64_t next(worker_t* worker)
{
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    return worker->random ^= worker->random << 17;
}

static uint64_t below(worker_t* worker, uint64_t limit)
{
    return next(worker) % limit;
}

static void fail(worker_t* worker, const char* what, const piece_t* piece, uint64_t at)
{
    fprintf(stderr, "seed %llu, call %llu: %s at byte %llu of %llu; last error: %s\n", (unsigned long long)first_seed, (unsigned long long)worker->calls, what,
        (unsigned long long)at, (unsigned long long)piece->bytes, last_error());
    exit(1);
}

static void require(worker_t* worker, int is_true, const char* what)
{
    if (!is_true)
        fail(worker, what, &worker->pieces[0], 0);
}

/* A handle: one that was given, a neighbour of it, or any number. */
static inline uint64_t any_handle(worker_t* worker)
{
    uint64_t handle = handles[below(worker, HANDLES)];
    switch (below(worker, 6)) {
    case 0: return next(worker);
    case 1: return handle + below(worker, 3) - 1;
    case 2: return handle ^ (uint64_t)1 << below(worker, 64);
    default: return handle;
    }
}

static gpusvm_memory any_memory(worker_t* worker)
{
    switch (below(worker, 8)) {
    case 0: return any_handle(worker);
    case 1: return victim;
    default: return memory;
    }
}

static void keep(worker_t* worker, uint64_t handle)
{
    if (handle != 0)
        handles[below(worker, HANDLES)] = handle;
}

/* A size or an address that a program would rather not give. */
static uint64_t odd_number(worker_t* worker)
{
    static const uint64_t odd[] = { 0, 1, 4095, 4096, 4097, 65536, 2097151, 2097152, 1ull << 31, 1ull << 32, 1ull << 40, 1ull << 47, (1ull << 47) - 4096, 1ull << 48, 1ull << 63, UINT64_MAX, UINT64_MAX - 4095 };
    uint64_t number = odd[below(worker, sizeof odd / sizeof odd[0])];
    return below(worker, 2) == 0 ? number : number + below(worker, 8192) - 4096;
}

/* An interval: mostly of one's own memory, sometimes across its end, sometimes anything. Not to be written through. */
static void any_interval(worker_t* worker, uint64_t* pointer, uint64_t* bytes)
{
    piece_t* piece = &worker->pieces[below(worker, PIECES)];
    uint64_t offset = piece->bytes == 0 ? 0 : below(worker, piece->bytes);
    *pointer = (uint64_t)piece->pointer + offset;
    *bytes = below(worker, 4) == 0 ? odd_number(worker) : 1 + below(worker, piece->bytes + 1);
    if (below(worker, 8) == 0)
        *pointer = odd_number(worker);
}

static unsigned char byte_at(const piece_t* piece, uint64_t at)
{
    return (unsigned char)(piece->seed + at * 31 + (at >> 12));
}

static void check_bytes(worker_t* worker, const piece_t* piece, const unsigned char* bytes, uint64_t first, uint64_t count, const char* what)
{
    for (uint64_t i = 0; i < count; i++) {
        if (bytes[i] != byte_at(piece, first + i))
            fail(worker, what, piece, first + i);
    }
}
#endif
