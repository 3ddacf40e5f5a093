/* SPDX-License-Identifier: MIT */
/* The part of fuzz.c that works on a thread's own memory, and must succeed. */
#ifndef FUZZ_OWN_H
#define FUZZ_OWN_H

#include "fuzz.h"

static void add_seven(gpusvm_kernel_context* context, void* pointer)
{
    const piece_t* piece = pointer;
    unsigned char block[1024];
    uint64_t share = (piece->bytes + context->group_count - 1) / context->group_count;
    uint64_t at = share * context->group_index, stop = at + share < piece->bytes ? at + share : piece->bytes;
    while (at < stop) {
        uint64_t count = stop - at < sizeof block ? stop - at : sizeof block;
        if (context->functions->read(context, (uint64_t)piece->pointer + at, block, count) != GPUSVM_DONE)
            return;
        for (uint64_t i = 0; i < count; i++)
            block[i] += 7;
        if (context->functions->write(context, (uint64_t)piece->pointer + at, block, count) != GPUSVM_DONE)
            return;
        at += count;
    }
}

/* Gives a piece back. What was attached has its bytes also when nobody shares it any more. */
static void end_piece(worker_t* worker, piece_t* piece)
{
    if (piece->bytes == 0)
        return;
    if (piece->is_attached) {
        int32_t status;
        while ((status = svm.detach(memory, piece->pointer)) == GPUSVM_BUSY)
            ; /* Others go on moving its pages. */
        require(worker, status == GPUSVM_DONE, "detach");
        check_bytes(worker, piece, piece->pointer, 0, piece->bytes, "lost when it was detached");
        require(worker, munmap(piece->pointer, piece->bytes) == 0, "munmap");
    } else {
        require(worker, svm.free(memory, piece->pointer) == GPUSVM_DONE, "free");
    }
    piece->bytes = 0;
}

/* Gets fresh memory: the library's, or mapped and attached where that is possible. */
static int32_t get_memory(worker_t* worker, piece_t* piece, uint64_t bytes)
{
    piece->is_attached = can_attach && below(worker, 3) == 0;
    if (!piece->is_attached)
        return below(worker, 2) == 0 ? svm.alloc(memory, bytes, (void**)&piece->pointer) : svm.alloc_aligned(memory, bytes, (uint64_t)1 << below(worker, 24), (void**)&piece->pointer);
    piece->pointer = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(worker, piece->pointer != MAP_FAILED, "mmap");
    if (below(worker, 2) == 0)
        (void)piece->pointer[below(worker, bytes)]; /* Some of it is there before. */
    return svm.attach(memory, piece->pointer, bytes, below(worker, 8) == 0 ? GPUSVM_ATTACH_IN_PLACE : 0);
}

static void new_piece(worker_t* worker, piece_t* piece)
{
    end_piece(worker, piece);
    uint64_t bytes = 1 + below(worker, below(worker, 4) == 0 ? 3 << 20 : 20000);
    int32_t status = get_memory(worker, piece, bytes);
    if (status == GPUSVM_OUT_OF_HOST_MEMORY)
        return;
    require(worker, status == GPUSVM_DONE, "alloc");
    piece->bytes = bytes;
    piece->seed = (unsigned char)next(worker);
    for (uint64_t i = 0; i < bytes; i++) {
        if (piece->pointer[i] != 0)
            fail(worker, "fresh memory is not zero", piece, i);
        piece->pointer[i] = byte_at(piece, i);
    }
}

/* Reads and writes through a mirror, or moves pages to it and back. Others move these pages too, so that a step may be refused; no byte may change for that. */
static void mirror_work(worker_t* worker, piece_t* piece)
{
    static unsigned char buffers[THREADS][16 * PAGE];
    unsigned char* buffer = buffers[worker->number];
    unsigned char* first = (unsigned char*)(((uint64_t)piece->pointer + PAGE - 1) & ~(uint64_t)(PAGE - 1));
    uint64_t pages = piece->pointer + piece->bytes <= first ? 0 : (uint64_t)(piece->pointer + piece->bytes - first) / PAGE, moved;
    if (pages == 0)
        return;
    first += below(worker, pages) * PAGE;
    pages = 1 + below(worker, (uint64_t)(piece->pointer + piece->bytes - first) / PAGE);
    pages = pages < 16 ? pages : 16;
    gpusvm_mirror mirror = 0;
    if (svm.mirror_create(memory, PAGE * (1 + below(worker, 64)), &mirror) != GPUSVM_DONE)
        return; /* Portable memory, or too many. */
    uint64_t at = (uint64_t)(first - piece->pointer);
    for (int step = 0; step < 4; step++) {
        switch (below(worker, 4)) {
        case 0: svm.mirror_migrate(mirror, first, pages * PAGE, (uint32_t)below(worker, 2), &moved); break;
        case 1:
            if (svm.mirror_read(mirror, first, pages * PAGE, buffer, NULL, NULL) == GPUSVM_DONE)
                check_bytes(worker, piece, buffer, at, pages * PAGE, "a mirror read something else");
            break;
        case 2:
            if (svm.mirror_peek(mirror, first, pages * PAGE, buffer, &moved) == GPUSVM_DONE)
                check_bytes(worker, piece, buffer, at, moved * PAGE, "a mirror has something else in its table");
            break;
        default:
            for (uint64_t i = 0; i < pages * PAGE; i++)
                buffer[i] = byte_at(piece, at + i);
            svm.mirror_write(mirror, first, pages * PAGE, buffer, NULL, NULL);
            break;
        }
    }
    if (below(worker, 3) == 0)
        keep(worker, mirror);
    else
        svm.mirror_destroy(mirror);
}

/* Something that changes or reads one's own bytes, and must succeed. */
static void own_work(worker_t* worker, piece_t* piece)
{
    if (piece->bytes == 0) {
        new_piece(worker, piece);
        return;
    }
    uint64_t first = below(worker, piece->bytes), count = 1 + below(worker, piece->bytes - first);
    unsigned char* own = malloc(count);
    worker->doing = 100 + (int)below(worker, 6);
    switch (worker->doing - 100) {
    case 0:
        check_bytes(worker, piece, piece->pointer + first, first, count, "the CPU read something else");
        break;
    case 1:
        require(worker, svm.device_read(memory, (uint32_t)below(worker, 2), (uint64_t)piece->pointer + first, own, count, NULL) == GPUSVM_DONE, "device_read");
        check_bytes(worker, piece, own, first, count, "the device read something else");
        break;
    case 2:
        memcpy(own, piece->pointer + first, count);
        require(worker, svm.device_write(memory, (uint32_t)below(worker, 2), (uint64_t)piece->pointer + first, own, count, NULL) == GPUSVM_DONE, "device_write");
        break;
    case 3: mirror_work(worker, piece); break;
    case 4: {
        gpusvm_launch launch;
        gpusvm_launch_result result = { .struct_bytes = sizeof result };
        gpusvm_launch_options options = { .struct_bytes = sizeof options }; /* No callback: the launch's handle is this thread's to end. */
        gpusvm_queue queue = 0;
        gpusvm_vm vm = 0;
        if (below(worker, 3) == 0)
            svm.vm_create(memory, &vm); /* There may be too many. */
        int is_queued = (vm != 0 ? svm.vm_queue_create(vm, (uint32_t)below(worker, 2), &queue) : svm.queue_create(memory, (uint32_t)below(worker, 2), &queue)) == GPUSVM_DONE;
        uint64_t groups = 1 + below(worker, 20);
        require(worker, (is_queued ? svm.queue_launch(queue, add_seven, piece, groups, &options, &launch) : svm.launch_start(memory, add_seven, piece, groups, &launch)) == GPUSVM_DONE, "launch");
        if (is_queued && below(worker, 2) == 0)
            require(worker, svm.queue_destroy(queue) == GPUSVM_DONE, "queue_destroy");
        else if (vm == 0)
            keep(worker, queue);
        if (vm != 0 && below(worker, 2) == 0)
            require(worker, svm.vm_destroy(vm) == GPUSVM_DONE, "vm_destroy"); /* It waits for the launch. */
        else
            keep(worker, vm);
        require(worker, svm.launch_wait(launch, UINT32_MAX, &result) == GPUSVM_DONE, "launch_wait");
        if (result.status != GPUSVM_DONE)
            fail(worker, result.message, piece, result.fault_address - (uint64_t)piece->pointer);
        piece->seed += 7;
        break;
    }
    default:
        for (uint64_t i = 0; i < count && i < 5000; i++)
            piece->pointer[first + i] = byte_at(piece, first + i);
        break;
    }
    free(own);
}
#endif
