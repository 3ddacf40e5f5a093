/* SPDX-License-Identifier: MIT */
/* Two devices with several queues each: order in a queue, independence between them, waits, callbacks, placement on either device; and structs of an older size. */
#include <stddef.h>
#include <unistd.h>

#include "load.h"

#define COUNT 50

static int is_real;
static volatile int flag;
static volatile int calls;
static int64_t* cells; /* Shared. */

static void set_flag(gpusvm_kernel_context* context, void* arguments)
{
    (void)context;
    (void)arguments;
    flag = 1;
}

static void wait_for_flag(gpusvm_kernel_context* context, void* arguments)
{
    (void)context;
    (void)arguments;
    while (!flag)
        usleep(100);
}

/* Many short groups; the first that sees the flag ends the launch. */
static void short_group(gpusvm_kernel_context* context, void* arguments)
{
    (void)arguments;
    usleep(200);
    if (flag)
        context->functions->fail(context, "enough");
}

/* Takes the next place in a list that is written without any atomics: only right if launches run one at a time. */
static void append(gpusvm_kernel_context* context, void* number)
{
    int64_t length = 0;
    context->functions->read(context, (uint64_t)&cells[0], &length, 8);
    length++;
    context->functions->write(context, (uint64_t)&cells[length], &number, 8);
    context->functions->write(context, (uint64_t)&cells[0], &length, 8);
}

static void produce(gpusvm_kernel_context* context, void* arguments)
{
    int64_t value = 4711;
    (void)arguments;
    usleep(20000);
    context->functions->write(context, (uint64_t)&cells[100], &value, 8);
}

static void consume(gpusvm_kernel_context* context, void* arguments)
{
    int64_t value = 0;
    (void)arguments;
    context->functions->read(context, (uint64_t)&cells[100], &value, 8);
    value++;
    context->functions->write(context, (uint64_t)&cells[101], &value, 8);
}

static void fill(gpusvm_kernel_context* context, void* pointer)
{
    char block[4096];
    memset(block, 5, sizeof block);
    for (int i = 0; i < 16; i++)
        context->functions->write(context, (uint64_t)pointer + (context->group_index * 16 + (uint64_t)i) * sizeof block, block, sizeof block);
}

static gpusvm_launch_result wait_for(gpusvm_launch launch)
{
    gpusvm_launch_result result = { .struct_bytes = sizeof result };
    CHECK(svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE);
    return result;
}

static gpusvm_memory memory;

static void on_end(gpusvm_launch launch, int32_t status, void* arguments)
{
    CHECK(launch != 0 && status == GPUSVM_DONE);
    if (arguments == NULL) { /* A callback may launch and wait, but not close. */
        EXPECT(svm.close(memory), GPUSVM_BUSY, "callback");
        gpusvm_launch next;
        CHECK(svm.launch_start(memory, set_flag, NULL, 1, &next) == GPUSVM_DONE);
        CHECK(wait_for(next).status == GPUSVM_DONE);
    }
    calls++;
}

static void order(gpusvm_queue first, gpusvm_queue second)
{
    gpusvm_launch launches[COUNT];
    cells[0] = 0;
    for (int i = 0; i < COUNT; i++)
        CHECK(svm.queue_launch(first, append, (void*)(intptr_t)i, 1, NULL, &launches[i]) == GPUSVM_DONE);
    CHECK(svm.queue_wait(first, UINT32_MAX) == GPUSVM_DONE);
    CHECK(cells[0] == COUNT);
    for (int i = 0; i < COUNT; i++) {
        CHECK(cells[i + 1] == i);
        CHECK(wait_for(launches[i]).status == GPUSVM_DONE);
    }

    if (is_real) { /* On portable memory launches run one after the other. */
        flag = 0;
        CHECK(svm.queue_launch(first, wait_for_flag, NULL, 1, NULL, &launches[0]) == GPUSVM_DONE);
        CHECK(svm.queue_wait(first, 1) == GPUSVM_TIMED_OUT);
        CHECK(svm.queue_launch(second, set_flag, NULL, 1, NULL, &launches[1]) == GPUSVM_DONE);
        CHECK(wait_for(launches[1]).status == GPUSVM_DONE && wait_for(launches[0]).status == GPUSVM_DONE);

        /* More groups than units, which are all busy: units change over between two groups. */
        flag = 0;
        CHECK(svm.queue_launch(first, short_group, NULL, 1000000, NULL, &launches[0]) == GPUSVM_DONE);
        CHECK(svm.queue_launch(second, set_flag, NULL, 1, NULL, &launches[1]) == GPUSVM_DONE);
        CHECK(wait_for(launches[1]).status == GPUSVM_DONE);
        gpusvm_launch_result ended = wait_for(launches[0]);
        CHECK(ended.status == GPUSVM_KERNEL_FAILED && strcmp(ended.message, "enough") == 0);
    }
}

static void waits(gpusvm_queue first, gpusvm_queue other_device)
{
    gpusvm_launch launches[2];
    CHECK(svm.queue_launch(first, produce, NULL, 1, NULL, &launches[0]) == GPUSVM_DONE);
    gpusvm_launch_options options = { .struct_bytes = sizeof options, .wait_count = 1, .waits = launches };
    CHECK(svm.queue_launch(other_device, consume, NULL, 1, &options, &launches[1]) == GPUSVM_DONE);
    CHECK(wait_for(launches[1]).status == GPUSVM_DONE && cells[101] == 4712);
    CHECK(wait_for(launches[0]).status == GPUSVM_DONE);
    EXPECT(svm.queue_launch(other_device, consume, NULL, 1, &options, &launches[1]), GPUSVM_INVALID_HANDLE, "waited for already");
    options.waits = NULL;
    EXPECT(svm.queue_launch(other_device, consume, NULL, 1, &options, &launches[1]), GPUSVM_INVALID_ARGUMENT, "NULL");
    options.struct_bytes = 4;
    EXPECT(svm.queue_launch(other_device, consume, NULL, 1, &options, &launches[1]), GPUSVM_INVALID_ARGUMENT, "struct_bytes");
}

static void callbacks(gpusvm_queue queue)
{
    gpusvm_launch launch;
    gpusvm_launch_options options = { .struct_bytes = sizeof options, .callback = on_end };
    CHECK(svm.queue_launch(queue, set_flag, NULL, 1, &options, &launch) == GPUSVM_DONE);
    while (calls == 0)
        usleep(100);
    options.callback_arguments = &launch;
    for (int i = 0; i < 10; i++)
        CHECK(svm.queue_launch(queue, set_flag, NULL, 1, &options, &launch) == GPUSVM_DONE);
}

static void placement(gpusvm_queue first, gpusvm_queue other_device)
{
    char* data;
    uint64_t moved, count;
    gpusvm_page_run runs[64];
    gpusvm_launch launch;
    CHECK(svm.alloc(memory, 1 << 20, (void**)&data) == GPUSVM_DONE);
    gpusvm_advice advice = { .struct_bytes = sizeof advice, .preferred = GPUSVM_PREFERRED_DEVICE + 1 };
    CHECK(svm.advise(memory, data, 1 << 20, &advice) == GPUSVM_DONE);
    advice.preferred = GPUSVM_PREFERRED_DEVICE + 2;
    EXPECT(svm.advise(memory, data, 1 << 20, &advice), GPUSVM_INVALID_ARGUMENT, "device 2");
    CHECK(svm.queue_launch(first, fill, data, 16, NULL, &launch) == GPUSVM_DONE); /* On device 0, which reaches device 1's memory. */
    CHECK(wait_for(launch).status == GPUSVM_DONE);
    CHECK(svm.query(memory, 0, data, 1 << 20, runs, sizeof runs[0], 64, &count) == GPUSVM_DONE);
    for (uint64_t i = 0; is_real && i < count; i++)
        CHECK(runs[i].place == GPUSVM_PAGE_DEVICE && runs[i].device == 1);
    CHECK(svm.evict(memory, 0, data, 1 << 20, &moved) == GPUSVM_DONE && moved == 0); /* None is on device 0. */
    CHECK(svm.evict(memory, 1, data, 1 << 20, &moved) == GPUSVM_DONE && moved == (is_real ? 1 << 20 : 0));
    CHECK(svm.prefetch(memory, data, 1 << 20, GPUSVM_LOCATION_DEVICE(0), &moved) == GPUSVM_DONE && moved == (is_real ? 1 << 20 : 0));
    CHECK(svm.prefetch(memory, data, 1 << 20, GPUSVM_LOCATION_DEVICE(1), &moved) == GPUSVM_DONE && moved == (is_real ? 1 << 20 : 0));
    EXPECT(svm.prefetch(memory, data, 1 << 20, GPUSVM_LOCATION_DEVICE(2), &moved), GPUSVM_INVALID_ARGUMENT, "location 3");
    char five = 0;
    CHECK(svm.device_read(memory, 1, (uint64_t)data + 12345, &five, 1, NULL) == GPUSVM_DONE && five == 5);
    CHECK(svm.queue_launch(other_device, fill, data, 16, NULL, &launch) == GPUSVM_DONE);
    CHECK(wait_for(launch).status == GPUSVM_DONE);
    for (int i = 0; i < 1 << 20; i++)
        CHECK(data[i] == 5);
    CHECK(svm.free(memory, data) == GPUSVM_DONE);
}

static char logged[4096];

static void on_log(uint32_t level, const char* message, void* arguments)
{
    CHECK(level >= GPUSVM_LOG_ERROR && level <= GPUSVM_LOG_DEBUG && arguments == logged);
    snprintf(logged + strlen(logged), sizeof logged - strlen(logged), "%u %s\n", level, message);
}

/* A program that was compiled when the structs were shorter. */
static void older_structs(void)
{
    struct {
        char struct_of_then[offsetof(gpusvm_options, device_count)];
        char beyond[64];
    } options;
    memset(&options, 0xff, sizeof options);
    gpusvm_options now = options_for("portable");
    now.struct_bytes = sizeof options.struct_of_then;
    memcpy(options.struct_of_then, &now, sizeof options.struct_of_then);
    CHECK(svm.open((gpusvm_options*)&options, &memory) == GPUSVM_DONE);
    union {
        gpusvm_statistics now;
        char bytes[sizeof(gpusvm_statistics)];
    } statistics;
    memset(&statistics, 0x77, sizeof statistics);
    statistics.now.struct_bytes = offsetof(gpusvm_statistics, launches);
    CHECK(svm.read_statistics(memory, &statistics.now) == GPUSVM_DONE);
    CHECK(statistics.now.struct_bytes == offsetof(gpusvm_statistics, launches) && statistics.now.memory_kind == GPUSVM_MEMORY_PORTABLE);
    for (size_t i = offsetof(gpusvm_statistics, launches); i < sizeof statistics; i++)
        CHECK(statistics.bytes[i] == 0x77);
    gpusvm_device_info info = { .struct_bytes = sizeof info };
    EXPECT(svm.read_device(memory, 1, &info), GPUSVM_INVALID_ARGUMENT, "Device 1");
    CHECK(svm.close(memory) == GPUSVM_DONE);
}

int main(int count, char** arguments)
{
    CHECK(count == 3);
    load(arguments[1]);
    is_real = strcmp(arguments[2], "real") == 0;
    older_structs();
    CHECK(svm.set_log(on_log, GPUSVM_LOG_DEBUG, logged) == GPUSVM_DONE);
    EXPECT(svm.set_log(on_log, 5, logged), GPUSVM_INVALID_ARGUMENT, "level 5");
    gpusvm_options options = options_for(arguments[2]);
    uint64_t each[] = { 4 << 20, 8 << 20 };
    options.device_count = 9;
    EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "9 devices");
    CHECK(strstr(logged, "4 gpusvm_set_log: level 5") != NULL && strstr(logged, "4 The options are not possible: 9 devices") != NULL);
    options.device_count = 2;
    options.device_memory_each = each;
    memory = open_or_skip(&options);
    CHECK(strstr(logged, "3 Shared memory was opened:") != NULL);
    CHECK(svm.set_log(NULL, 0, NULL) == GPUSVM_DONE);
    for (uint32_t device = 0; device < 2; device++) {
        gpusvm_device_info info = { .struct_bytes = sizeof info };
        CHECK(svm.read_device(memory, device, &info) == GPUSVM_DONE);
        CHECK(info.memory_bytes == each[device] && info.compute_units == 2 && strlen(info.name) > 5);
    }

    gpusvm_queue first, second, other_device;
    CHECK(svm.queue_create(memory, 0, &first) == GPUSVM_DONE && svm.queue_create(memory, 0, &second) == GPUSVM_DONE);
    CHECK(svm.queue_create(memory, 1, &other_device) == GPUSVM_DONE);
    EXPECT(svm.queue_create(memory, 2, &other_device), GPUSVM_INVALID_ARGUMENT, "Device 2");
    CHECK(svm.queue_create(memory, 1, &other_device) == GPUSVM_DONE);
    CHECK(svm.alloc(memory, 1 << 20, (void**)&cells) == GPUSVM_DONE);
    CHECK(svm.queue_wait(second, 0) == GPUSVM_DONE);
    order(first, second);
    order(other_device, first);
    waits(first, other_device);
    placement(first, other_device);
    callbacks(second);
    CHECK(svm.queue_destroy(second) == GPUSVM_DONE);
    EXPECT(svm.queue_destroy(second), GPUSVM_INVALID_HANDLE, "no queue");
    gpusvm_launch launch;
    EXPECT(svm.queue_launch(second, set_flag, NULL, 1, NULL, &launch), GPUSVM_INVALID_HANDLE, "no queue");
    EXPECT(svm.queue_wait(second, 0), GPUSVM_INVALID_HANDLE, "no queue");

    gpusvm_device_info info = { .struct_bytes = sizeof info };
    CHECK(svm.read_device(memory, 1, &info) == GPUSVM_DONE && info.launches > COUNT);
    gpusvm_statistics statistics = { .struct_bytes = sizeof statistics };
    CHECK(svm.read_statistics(memory, &statistics) == GPUSVM_DONE);
    CHECK(statistics.launches > info.launches && statistics.device_bytes_total == 12 << 20 && statistics.queue_stops == 0);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    CHECK(calls == 11); /* All were called before the close returned. */
    EXPECT(svm.queue_wait(first, 0), GPUSVM_INVALID_HANDLE, "no queue");
    return 0;
}
