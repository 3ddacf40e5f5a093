/* SPDX-License-Identifier: MIT */
/*
 * Calls everything with arbitrary handles, sizes, alignments, addresses and in any order, from several threads, for so many seconds. Pointers that the library is to write through are always valid, as C
 * demands. Never a crash or a hang, and every byte of what a thread has allocated is what it has written, by whichever way: each thread knows what its memory must hold.
 */
#include "fuzz_any.h"
#include "fuzz_own.h"

static void* work(void* pointer)
{
    worker_t* worker = pointer;
    while (time(NULL) < end) {
        __atomic_fetch_add(&worker->calls, 1, __ATOMIC_RELAXED);
        if (below(worker, 3) == 0)
            own_work(worker, &worker->pieces[below(worker, PIECES)]);
        else if (below(worker, 40) == 0)
            new_piece(worker, &worker->pieces[below(worker, PIECES)]);
        else
            any_call(worker);
    }
    for (int i = 0; i < PIECES; i++) {
        check_bytes(worker, &worker->pieces[i], worker->pieces[i].pointer, 0, worker->pieces[i].bytes, "lost at the end");
        end_piece(worker, &worker->pieces[i]);
    }
    __atomic_store_n(&worker->has_ended, 1, __ATOMIC_RELAXED);
    return NULL;
}

int main(int count, char** arguments)
{
    CHECK(count == 5);
    load(arguments[1]);
    gpusvm_options options = options_for(arguments[2]);
    options.device_count = 2;
    memory = open_or_skip(&options);
    can_attach = options.memory_kind == GPUSVM_MEMORY_REAL;
    first_seed = strtoull(arguments[4], NULL, 10);
    end = time(NULL) + atoi(arguments[3]);
    printf("seed %llu\n", (unsigned long long)first_seed);
    fflush(stdout);
    static worker_t workers[THREADS];
    int threads = options.memory_kind == GPUSVM_MEMORY_REAL ? THREADS : 1; /* On portable memory the CPU may not touch while others launch. */
    for (int i = 0; i < threads; i++) {
        workers[i].number = i;
        workers[i].random = (first_seed * 2654435761u + (uint64_t)i * 40503) | 1;
        for (int j = 0; j < 20; j++)
            next(&workers[i]);
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }

    uint64_t before = 0;
    int running = threads;
    for (int quiet = 0; running > 0; ) { /* Also behind the end: what is begun must end. */
        usleep(200000);
        uint64_t calls = 0;
        running = 0;
        for (int i = 0; i < threads; i++) {
            calls += __atomic_load_n(&workers[i].calls, __ATOMIC_RELAXED);
            running += !__atomic_load_n(&workers[i].has_ended, __ATOMIC_RELAXED);
        }
        quiet = calls == before ? quiet + 1 : 0;
        before = calls;
        if (quiet > 5 * 60) {
            for (int i = 0; i < threads; i++)
                fprintf(stderr, "thread %d: call %llu, of kind %d\n", i, (unsigned long long)workers[i].calls, workers[i].doing);
            fprintf(stderr, "seed %llu: nothing went on for a minute, after %llu calls\n", (unsigned long long)first_seed, (unsigned long long)calls);
            abort();
        }
    }
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
    CHECK(svm.inject_reset(0) == GPUSVM_DONE);
    CHECK(svm.set_log(NULL, 0, NULL) == GPUSVM_DONE);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    svm.close(victim);
    printf("%llu calls\n", (unsigned long long)before);
    return 0;
}
