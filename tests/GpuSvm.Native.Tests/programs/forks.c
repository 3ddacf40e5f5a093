/* SPDX-License-Identifier: MIT */
/*
 * What a forked child sees of shared memory, and what becomes of parent and child afterwards: docs/real-memory.md has the table. The second argument is the case, the third how the memory is:
 * "there" (pages on the device), "here" (no page moves), "portable", or a seed for the case "stress".
 */
#include "mappings.h"

#define MANY 1024ul /* pages: two blocks of 2 MiB */
#define CHILD_SECONDS 60

typedef int (*body_t)(char* at);

/* Waits for a child, which must have ended well. */
static void await(pid_t child)
{
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    if (status != 0)
        fprintf(stderr, "child: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit code", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    CHECK(status == 0);
}

static pid_t fork_into(body_t body, char* at)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS); /* A child that hangs ends, and is noticed. */
        _exit(body(at));
    }
    CHECK(child > 0);
    return child;
}

static void in_child(body_t body, char* at) { await(fork_into(body, at)); }

/* Whether the words are value + page, as far as this process sees; else the number of a page that is wrong, from 1 on. */
static int wrong_page(char* at, uint64_t value, uint64_t pages)
{
    for (uint64_t page = 0; page < pages; page++) {
        if (word(at, page) != value + page) {
            fprintf(stderr, "page %llu is %llu instead of %llu\n", (unsigned long long)page, (unsigned long long)word(at, page), (unsigned long long)(value + page));
            return 1;
        }
    }
    return 0;
}

static void put_words(char* at, uint64_t value, uint64_t pages)
{
    for (uint64_t page = 0; page < pages; page++)
        *(volatile uint64_t*)(at + page * PAGE) = value + page;
}

static char* filled(uint64_t pages)
{
    char* at = allocate(pages * PAGE);
    CHECK(gpu_write(at, 100, pages).status == GPUSVM_DONE);
    return at;
}

static uint64_t on_device(void) { return statistics().device_bytes_used; }

/* A pipe by which one process lets another go on. */
typedef struct { int ends[2]; } signal_t;
static signal_t new_signal(void) { signal_t made; CHECK(pipe(made.ends) == 0); return made; }
static void give(signal_t to) { CHECK(write(to.ends[1], "x", 1) == 1); }
static void take(signal_t from) { char byte; CHECK(read(from.ends[0], &byte, 1) == 1); }

static signal_t to_child, to_parent;

static int sees_hundreds(char* at) { return wrong_page(at, 100, MANY); }

static int sees_then_writes(char* at)
{
    if (wrong_page(at, 100, MANY))
        return 1;
    put_words(at, 900, MANY);
    return wrong_page(at, 900, MANY);
}

/* Wherever the pages are, all of them, half, or none on the device, the child sees every byte; what never was touched is zero. */
static void every_byte(void)
{
    char* at = filled(MANY);
    in_child(sees_then_writes, at);
    CHECK_WORDS(at, 100, MANY / 2); /* One half comes home, the other goes back to the device. */
    CHECK(gpu_write(at + MANY / 2 * PAGE, 100 + MANY / 2, MANY / 2).status == GPUSVM_DONE);
    in_child(sees_then_writes, at);
    CHECK_WORDS(at, 100, MANY);
    in_child(sees_then_writes, at);
    CHECK_WORDS(at, 100, MANY);
    char* fresh = allocate(BLOCK);
    CHECK(child_reads(fresh) == 0 && word(fresh, 1) == 0);
    CHECK(gpu_write(at, 500, MANY).status == GPUSVM_DONE);
    CHECK_WORDS(at, 500, MANY);
}

static int diverges(char* at)
{
    take(to_child); /* The parent and its kernel have written. */
    int wrong = wrong_page(at, 100, MANY);
    put_words(at, 900, MANY);
    give(to_parent);
    take(to_child); /* They have again. */
    return wrong || wrong_page(at, 900, MANY);
}

/* What either writes after the fork, the parent also by kernels, on the device or in RAM, the other does not see. */
static void diverging(void)
{
    char* at = filled(MANY);
    to_child = new_signal();
    to_parent = new_signal();
    pid_t child = fork_into(diverges, at);
    CHECK(gpu_write(at, 200, MANY / 2).status == GPUSVM_DONE);
    put_words(at + MANY / 2 * PAGE, 200 + MANY / 2, MANY / 2);
    give(to_child);
    take(to_parent);
    CHECK_WORDS(at, 200, MANY);
    CHECK(gpu_write(at, 300, MANY).status == GPUSVM_DONE);
    CHECK_WORDS(at, 300, MANY);
    give(to_child);
    await(child);
}

static int forks_again(char* at)
{
    if (wrong_page(at, 100, MANY))
        return 1;
    put_words(at, 400, MANY);
    pid_t grandchild = fork();
    if (grandchild == 0) {
        alarm(CHILD_SECONDS);
        int wrong = wrong_page(at, 400, MANY);
        put_words(at, 500, MANY);
        _exit(wrong);
    }
    int status;
    return waitpid(grandchild, &status, 0) != grandchild || status != 0 || wrong_page(at, 400, MANY);
}

/* A child of a child has what the child has. */
static void grandchild(void)
{
    char* at = filled(MANY);
    in_child(forks_again, at);
    CHECK_WORDS(at, 100, MANY);
}

/* Whether every function says that this is a child. */
static int calls(char* at)
{
    void* pointer;
    gpusvm_memory other;
    gpusvm_statistics now = { .struct_bytes = sizeof now };
    if (svm.alloc(memory, PAGE, &pointer) != GPUSVM_PROCESS_GONE || strstr(last_error(), "forked child") == NULL)
        return 1;
    if (svm.read_statistics(memory, &now) != GPUSVM_PROCESS_GONE || svm.check(memory) != GPUSVM_PROCESS_GONE || svm.free(memory, at) != GPUSVM_PROCESS_GONE)
        return 2;
    if (svm.attach(memory, &now, sizeof now, 0) != GPUSVM_PROCESS_GONE || svm.detach(memory, at) != GPUSVM_PROCESS_GONE)
        return 3;
    if (svm.open(NULL, &other) != GPUSVM_PROCESS_GONE || svm.close(memory) != GPUSVM_PROCESS_GONE)
        return 4;
    return 0;
}

static int calls_and_sees(char* at)
{
    int wrong = calls(at);
    return wrong != 0 ? wrong : wrong_page(at, 100, MANY); /* What it has, it keeps. */
}

static int ends_at_once(char* at)
{
    (void)at;
    exit(0); /* With everything that a program does at its end. */
}

static int executes(char* at)
{
    (void)at;
    execl("/bin/true", "true", (char*)NULL);
    return 1;
}

static int unmaps(char* at)
{
    if (madvise(at, BLOCK, MADV_DONTNEED) != 0 || word(at, 3) != 0 || mprotect(at, BLOCK, PROT_READ) != 0)
        return 1;
    char* moved = mremap(at + BLOCK, BLOCK, BLOCK, MREMAP_MAYMOVE);
    return moved == MAP_FAILED || wrong_page(moved, 100 + MANY / 2, MANY / 2) || munmap(at, PAGE) != 0;
}

/* What a child may do: be told that it is one, end, run another program, and do with its copies what it likes. */
static void child_uses(void)
{
    char* at = filled(MANY);
    in_child(calls_and_sees, at);
    in_child(unmaps, at);
    for (int round = 0; round < 20; round++) {
        CHECK(gpu_write(at, 100, MANY).status == GPUSVM_DONE);
        in_child(round % 2 == 0 ? ends_at_once : executes, at);
    }
    CHECK_WORDS(at, 100, MANY);
}

static int sees_after(char* at)
{
    take(to_child);
    return wrong_page(at, 100, MANY);
}

/* Pages that a child shares move to the device and back, while it lives and after, and it keeps its bytes. */
static void migrating(void)
{
    char* at = filled(MANY);
    uint64_t moved;
    to_child = new_signal();
    pid_t child = fork_into(sees_after, at);
    CHECK(svm.prefetch(memory, at, MANY * PAGE, GPUSVM_LOCATION_DEVICE(0), &moved) == GPUSVM_DONE);
    CHECK(moved == MANY * PAGE && on_device() == MANY * PAGE);
    CHECK(gpu_write(at, 700, MANY).status == GPUSVM_DONE);
    CHECK_WORDS(at, 700, MANY);
    give(to_child);
    await(child);
    CHECK(gpu_write(at, 100, MANY).status == GPUSVM_DONE);
    in_child(sees_hundreds, at);
    CHECK(svm.prefetch(memory, at, MANY * PAGE, GPUSVM_LOCATION_DEVICE(0), &moved) == GPUSVM_DONE); /* The child has gone: the pages are the parent's own again once it says so. */
    CHECK(moved == MANY * PAGE && gpu_load(at) == 100);
    CHECK_WORDS(at, 100, MANY);
}

/* Pages of which the device has copies, which are protected in RAM: the child writes its own at once, the parent's copies stay right. */
static void read_mostly(void)
{
    char* at = filled(MANY);
    gpusvm_advice advice = { .struct_bytes = sizeof advice, .read_mostly = GPUSVM_SWITCH_ON };
    CHECK(svm.advise(memory, at, MANY * PAGE, &advice) == GPUSVM_DONE);
    CHECK_WORDS(at, 100, MANY);
    CHECK(gpu_load(at + 5 * PAGE) == 105); /* A copy. */
    in_child(sees_then_writes, at);
    CHECK(gpu_load(at + 5 * PAGE) == 105 && word(at, 5) == 105);
    advice.read_mostly = GPUSVM_SWITCH_OFF;
    CHECK(svm.advise(memory, at, MANY * PAGE, &advice) == GPUSVM_DONE);
    CHECK(gpu_write(at, 600, MANY).status == GPUSVM_DONE);
    CHECK_WORDS(at, 600, MANY);
}

/* Pages that the device has taken from the CPU for its atomics. */
static void exclusive(void)
{
    char* at = allocate(MANY * PAGE);
    uint64_t taken;
    put_words(at, 100, MANY);
    int32_t status = svm.make_exclusive(memory, 0, at, MANY * PAGE, &taken);
    CHECK(status == GPUSVM_DONE && taken > 0);
    in_child(sees_then_writes, at);
    CHECK_WORDS(at, 100, MANY);
}

static char* attached_file;

static int sees_attached(char* at)
{
    int wrong = wrong_page(at, 300, PAGES) || wrong_page(attached_file, 400, PAGES);
    *(volatile uint64_t*)at = 1;            /* Its own. */
    *(volatile uint64_t*)attached_file = 2; /* Everybody's. */
    return wrong;
}

/* Attached memory: what is private is copied on write, what is shared stays shared, as without the library. */
static void attached(void)
{
    int file = (int)syscall(SYS_memfd_create, "forks", 0);
    CHECK(file >= 0 && ftruncate(file, PAGES * PAGE) == 0);
    char* at = map(PAGES * PAGE, MAP_PRIVATE, -1);
    attached_file = map(PAGES * PAGE, MAP_SHARED, file);
    CHECK(svm.attach(memory, at, PAGES * PAGE, 0) == GPUSVM_DONE && svm.attach(memory, attached_file, PAGES * PAGE, 0) == GPUSVM_DONE);
    CHECK(gpu_write(at, 300, PAGES).status == GPUSVM_DONE && gpu_write(attached_file, 400, PAGES).status == GPUSVM_DONE);
    in_child(sees_attached, at);
    CHECK_WORDS(at, 300, PAGES);
    CHECK(gpu_load(attached_file) == 2 && gpu_load(at) == 300);
    CHECK(svm.detach(memory, at) == GPUSVM_DONE && svm.detach(memory, attached_file) == GPUSVM_DONE);
    CHECK_WORDS(at, 300, PAGES);
    CHECK(child_reads(at) == 0);
}

/* A child that the C library knows nothing of has none of it, which is better than zeroes; and the next fork is as any. */
static void unannounced(void)
{
    char* at = filled(MANY);
    int status;
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        syscall(SYS_exit_group, (int)*(volatile char*)at);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    in_child(sees_then_writes, at);
    CHECK_WORDS(at, 100, MANY);
}

static void fork_in_kernel(gpusvm_kernel_context* context, void* arguments)
{
    (void)context;
    char** at = arguments;
    *at = (char*)(uint64_t)child_reads(*at);
}

/* A kernel that forks: its child has none. */
static void in_kernel(void)
{
    char* at = filled(MANY);
    char* result = at;
    CHECK(run(memory, fork_in_kernel, &result, 1).status == GPUSVM_DONE && (uint64_t)result == SIGSEGV);
    in_child(sees_hundreds, at);
}

static _Atomic int stop;
static char* stressed;
static uint64_t seed;

/* Adds 1 to every word of the first half. */
static void add_one(gpusvm_kernel_context* context, void* arguments)
{
    uint64_t value, *done = arguments;
    for (uint64_t page = context->group_index; page < MANY / 2; page += context->group_count) {
        if (context->functions->read(context, (uint64_t)stressed + page * PAGE, &value, sizeof value) != GPUSVM_DONE)
            return;
        value++;
        if (context->functions->write(context, (uint64_t)stressed + page * PAGE, &value, sizeof value) != GPUSVM_DONE)
            return;
    }
    __atomic_add_fetch(done, 1, __ATOMIC_SEQ_CST);
}

static void* launching(void* rounds)
{
    while (!stop) {
        uint64_t done = 0;
        CHECK(run(memory, add_one, &done, 4).status == GPUSVM_DONE && done == 4);
        ++*(uint64_t*)rounds;
    }
    return NULL;
}

/* Pushes pages to and fro, and makes threads and garbage of the C library's beside it. */
static void* moving(void* unused)
{
    (void)unused;
    unsigned state = (unsigned)seed;
    while (!stop) {
        uint64_t moved, page = (unsigned)rand_r(&state) % MANY;
        if (rand_r(&state) % 2 == 0)
            svm.evict(memory, GPUSVM_EVERY_DEVICE, stressed, MANY * PAGE, &moved);
        else
            svm.prefetch(memory, stressed + page * PAGE, PAGE, GPUSVM_LOCATION_DEVICE(0), &moved);
        char* garbage = malloc(1 + (unsigned)rand_r(&state) % 100000);
        garbage[0] = 1;
        free(garbage);
    }
    return NULL;
}

/* Keeps the second half in step: every word of it is the same, and read as often as written. */
static void* touching(void* unused)
{
    (void)unused;
    for (uint64_t round = 1; !stop; round++) {
        for (uint64_t page = MANY / 2; page < MANY; page++)
            *(volatile uint64_t*)(stressed + page * PAGE) = round;
    }
    return NULL;
}

/* Words of the first half are at most a launch apart, each as of some moment of the fork; those of the second a round. In order: a page that is written later has not been seen newer. */
static int sees_a_moment(char* at)
{
    uint64_t newest = word(at, 0), oldest = word(at, 0);
    for (uint64_t page = 1; page < MANY / 2; page++) {
        newest = word(at, page) > newest ? word(at, page) : newest;
        oldest = word(at, page) < oldest ? word(at, page) : oldest;
    }
    if (oldest == 0 || newest - oldest > 1) {
        fprintf(stderr, "kernels: from %llu to %llu\n", (unsigned long long)oldest, (unsigned long long)newest);
        return 1;
    }
    for (uint64_t page = MANY / 2 + 1; page < MANY; page++) {
        uint64_t before = word(at, page - 1), here = word(at, page);
        if (here > before || word(at, MANY / 2) - here > 1) {
            fprintf(stderr, "page %llu: %llu behind %llu\n", (unsigned long long)page, (unsigned long long)here, (unsigned long long)before);
            return 2;
        }
    }
    return calls(at) == 0 ? 0 : 3;
}

/* Forks for some seconds while kernels run, pages move, and threads write. */
static void stress(void)
{
    uint64_t launches = 0, forks = 0;
    pthread_t threads[3];
    stressed = allocate(MANY * PAGE);
    put_words(stressed, 1, MANY);
    for (uint64_t page = 0; page < MANY; page++)
        *(volatile uint64_t*)(stressed + page * PAGE) = 1;
    CHECK(pthread_create(&threads[0], NULL, launching, &launches) == 0 && pthread_create(&threads[1], NULL, moving, NULL) == 0 && pthread_create(&threads[2], NULL, touching, NULL) == 0);
    unsigned state = (unsigned)seed;
    for (time_t end = time(NULL) + 8; time(NULL) < end; forks++) {
        pid_t first = fork_into(sees_a_moment, stressed);
        pid_t second = rand_r(&state) % 2 == 0 ? fork_into(sees_a_moment, stressed) : 0;
        if (rand_r(&state) % 2 == 0)
            usleep((unsigned)rand_r(&state) % 2000);
        await(first);
        if (second != 0)
            await(second);
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (uint64_t page = 0; page < MANY / 2; page++)
        CHECK(word(stressed, page) == 1 + launches);
    printf("seed %llu: %llu forks beside %llu launches\n", (unsigned long long)seed, (unsigned long long)forks, (unsigned long long)launches);
}

static void* forking(void* at)
{
    for (int round = 0; round < 20; round++)
        in_child(sees_hundreds, at);
    return NULL;
}

/* Several threads fork at once. */
static void at_once(void)
{
    char* at = filled(MANY);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, forking, at) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(gpu_write(at, 800, MANY).status == GPUSVM_DONE);
    CHECK_WORDS(at, 800, MANY);
}

/* Asked not to follow, a child has none. */
static void ignored(void)
{
    char* at = filled(MANY);
    char* own = map(PAGES * PAGE, MAP_PRIVATE, -1);
    CHECK(svm.attach(memory, own, PAGES * PAGE, 0) == GPUSVM_DONE);
    CHECK(child_reads(at) == SIGSEGV && child_reads(own) == SIGSEGV);
    CHECK(svm.detach(memory, own) == GPUSVM_DONE && child_reads(own) == 0);
    CHECK_WORDS(at, 100, MANY);
}

static const case_t cases[] = {
    { "every-byte", every_byte },
    { "diverging", diverging },
    { "grandchild", grandchild },
    { "child-uses", child_uses },
    { "migrating", migrating },
    { "read-mostly", read_mostly },
    { "exclusive", exclusive },
    { "attached", attached },
    { "unannounced", unannounced },
    { "in-kernel", in_kernel },
    { "at-once", at_once },
    { "stress", stress },
    { "ignored", ignored },
    { NULL, NULL },
};

int main(int count, char** arguments)
{
    CHECK(count == 4);
    load(arguments[1]);
    seed = strtoull(arguments[3], NULL, 10);
    gpusvm_options options = options_for(strcmp(arguments[3], "portable") == 0 ? "portable" : "real");
    options.device_memory_bytes = seed != 0 ? 3 << 20 : 16 << 20; /* Under stress there is too little room. */
    options.migration = strcmp(arguments[3], "here") == 0;
    options.forks = strcmp(arguments[2], "ignored") == 0 ? GPUSVM_FORKS_IGNORE : GPUSVM_FORKS_FOLLOW;
    memory = open_or_skip(&options);
    for (const case_t* one = cases; one->name != NULL; one++) {
        if (strcmp(one->name, arguments[2]) != 0)
            continue;
        one->run();
        EXPECT(svm.check(memory), GPUSVM_DONE, "");
        CHECK(svm.close(memory) == GPUSVM_DONE);
        return 0;
    }
    fprintf(stderr, "there is no case %s\n", arguments[2]);
    return 1;
}
