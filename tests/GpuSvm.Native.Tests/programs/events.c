/* SPDX-License-Identifier: MIT */
/* Events and histograms from C: what a launch over a device that is too small leaves in them. The second argument is the memory. */
#include "load.h"

enum { COUNT = 1 << 20, GROUPS = 32, BATCH = 100 };

static void touch(gpusvm_kernel_context* context, void* arguments)
{
    enum { EACH = COUNT / GROUPS };
    int64_t value = 3;
    for (uint64_t i = 0; i < EACH; i += 512)
        context->functions->write(context, (uint64_t)arguments + (context->group_index * EACH + i) * sizeof value, &value, sizeof value);
}

int main(int argument_count, char** arguments)
{
    (void)argument_count;
    load(arguments[1]);
    gpusvm_options options = options_for(arguments[2]);
    options.device_memory_bytes = 2 << 20;
    options.largest_chunk_bytes = 65536;
    gpusvm_memory memory = open_or_skip(&options);
    int64_t* numbers;
    CHECK(svm.alloc(memory, COUNT * sizeof *numbers, (void**)&numbers) == GPUSVM_DONE);
    for (int i = 0; i < COUNT; i += 512)
        numbers[i] = 1;

    gpusvm_events events, small, late;
    gpusvm_event buffer[BATCH];
    uint64_t read;
    CHECK(svm.events_open(memory, 2000000, &events) == GPUSVM_INVALID_ARGUMENT && strstr(last_error(), "1048576") != NULL);
    CHECK(svm.events_open(memory, 0, NULL) == GPUSVM_INVALID_ARGUMENT);
    CHECK(svm.events_open(memory, 0, &events) == GPUSVM_DONE && svm.events_open(memory, 10, &small) == GPUSVM_DONE);
    CHECK(svm.events_read(events, buffer, sizeof *buffer, BATCH, &read) == GPUSVM_DONE && read == 0);
    CHECK(svm.events_read(events, buffer, sizeof *buffer - 8, BATCH, &read) == GPUSVM_INVALID_ARGUMENT && strstr(last_error(), "event_bytes") != NULL);
    CHECK(svm.events_read(events, buffer, sizeof *buffer, BATCH, NULL) == GPUSVM_INVALID_ARGUMENT);

    CHECK(run(memory, touch, numbers, GROUPS).status == GPUSVM_DONE);
    gpusvm_statistics statistics = { .struct_bytes = sizeof statistics };
    CHECK(svm.read_statistics(memory, &statistics) == GPUSVM_DONE && statistics.evictions > 0);

    uint64_t faults = 0, evictions = 0, in = 0, out = 0, all = 0;
    int64_t first = (int64_t)numbers, end = (int64_t)(numbers + COUNT);
    do {
        CHECK(svm.events_read(events, buffer, sizeof *buffer, BATCH, &read) == GPUSVM_DONE && read <= BATCH);
        for (uint64_t i = 0; i < read; i++, all++) {
            const gpusvm_event* one = &buffer[i];
            CHECK((int64_t)one->address >= first && (int64_t)(one->address + one->bytes) <= end && one->timestamp_ns > 0);
            faults += one->kind == GPUSVM_EVENT_GPU_FAULT;
            if (one->kind == GPUSVM_EVENT_EVICTION) {
                evictions++;
                CHECK(one->cause == GPUSVM_CAUSE_EVICTION && one->from == 0 && one->to == GPUSVM_PLACE_RAM);
                CHECK((int64_t)one->culprit >= first && (int64_t)one->culprit < end && (one->culprit < one->address || one->culprit >= one->address + one->bytes));
            }
            if (one->kind == GPUSVM_EVENT_MIGRATION)
                *(one->to == GPUSVM_PLACE_RAM ? &out : &in) += one->bytes;
        }
    } while (read > 0);
    uint64_t dropped, of_faults;
    CHECK(svm.events_dropped(events, GPUSVM_EVENT_NONE, &dropped) == GPUSVM_DONE && dropped == 0);
    CHECK(faults == statistics.gpu_faults && evictions >= statistics.evictions && in >= statistics.bytes_to_device && out == statistics.bytes_to_ram);
    CHECK(svm.events_read(small, buffer, sizeof *buffer, BATCH, &read) == GPUSVM_DONE && read == 16);
    CHECK(svm.events_dropped(small, GPUSVM_EVENT_NONE, &dropped) == GPUSVM_DONE && dropped == all - 16);
    CHECK(svm.events_dropped(small, GPUSVM_EVENT_GPU_FAULT, &of_faults) == GPUSVM_DONE && of_faults > 0 && of_faults < dropped);
    CHECK(svm.events_dropped(small, 19, &dropped) == GPUSVM_INVALID_ARGUMENT && strstr(last_error(), "18") != NULL);

    gpusvm_histogram histogram = { .struct_bytes = sizeof histogram };
    CHECK(svm.read_histogram(memory, GPUSVM_HISTOGRAM_GPU_FAULT, &histogram) == GPUSVM_DONE);
    CHECK(histogram.count == statistics.gpu_faults && histogram.sum == statistics.fault_ns && histogram.kind == GPUSVM_HISTOGRAM_GPU_FAULT);
    CHECK(histogram.p50 > 0 && histogram.p50 <= histogram.p90 && histogram.p90 <= histogram.p99 && histogram.p99 <= histogram.max && histogram.max <= histogram.sum);
    uint64_t sum = 0;
    for (int i = 0; i < 64; i++)
        sum += histogram.buckets[i];
    CHECK(sum == histogram.count);
    CHECK(svm.read_histogram(memory, GPUSVM_HISTOGRAM_BYTES_TO_RAM, &histogram) == GPUSVM_DONE && histogram.sum == statistics.bytes_to_ram);
    CHECK(svm.read_histogram(memory, 9, &histogram) == GPUSVM_INVALID_ARGUMENT && strstr(last_error(), "0 to 8") != NULL);
    CHECK(svm.read_histogram(memory, 0, NULL) == GPUSVM_INVALID_ARGUMENT);
    histogram.struct_bytes = 8;
    CHECK(svm.read_histogram(memory, 0, &histogram) == GPUSVM_INVALID_ARGUMENT);

    CHECK(svm.events_close(events) == GPUSVM_DONE && svm.events_close(events) == GPUSVM_INVALID_HANDLE);
    CHECK(svm.events_open(memory, 1, &late) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    CHECK(svm.events_read(late, buffer, sizeof *buffer, BATCH, &read) == GPUSVM_INVALID_HANDLE && svm.events_close(small) == GPUSVM_INVALID_HANDLE);
    return 0;
}
