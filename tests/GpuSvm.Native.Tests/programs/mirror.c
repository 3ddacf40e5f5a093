/* SPDX-License-Identifier: MIT */
/* Mirrors: what they read, write, move and see; whose pages come home to whom; and what ends them. Beside it the option for first touches, and attaching again where a program has mapped anew. */
#include <sys/mman.h>

#include "load.h"

#define PAGE 4096
#define PAGES 8

static unsigned char seen[PAGES];
static unsigned char bytes[PAGES * PAGE];
static uint64_t pages, faults, moved;

/* What a mirror sees of a page. */
static int look(gpusvm_mirror mirror, unsigned char* page)
{
    CHECK(svm.mirror_snapshot(mirror, page, PAGE, seen) == GPUSVM_DONE);
    return seen[0];
}

static void moves_and_sees(gpusvm_memory memory, unsigned char* data)
{
    gpusvm_mirror one, other;
    CHECK(svm.mirror_create(memory, 64 * PAGE, &one) == GPUSVM_DONE);
    CHECK(svm.mirror_create(memory, 64 * PAGE, &other) == GPUSVM_DONE);

    /* Never touched, touched to be read, written. A first touch makes one page present here, not its neighbours. */
    CHECK(look(one, data) == 0);
    CHECK(data[PAGE] == 0);
    data[2 * PAGE] = 7;
    CHECK(svm.mirror_snapshot(one, data, PAGES * PAGE, seen) == GPUSVM_DONE);
    CHECK(seen[0] == 0 && seen[1] == 0x11 && seen[2] == 2 && seen[3] == 0);

    /* One fault for all pages behind; then entries are there. */
    CHECK(svm.mirror_read(one, data, PAGES * PAGE, bytes, &pages, &faults) == GPUSVM_DONE);
    CHECK(pages == PAGES && faults == 1 && bytes[2 * PAGE] == 7 && bytes[0] == 0);
    CHECK(svm.mirror_read(one, data, PAGES * PAGE, bytes, &pages, &faults) == GPUSVM_DONE && faults == 0);
    CHECK(svm.mirror_peek(other, data, PAGES * PAGE, bytes, &pages) == GPUSVM_DONE && pages == 0);

    /* Into its memory, where the other does not see them, and home again for whoever touches them. */
    CHECK(svm.mirror_migrate(one, data, PAGES * PAGE, GPUSVM_LOCATION_DEVICE(0), &moved) == GPUSVM_DONE && moved == PAGES);
    CHECK(look(one, data + 2 * PAGE) == 0x22 && look(other, data + 2 * PAGE) == 0);
    memset(bytes, 0x5A, sizeof bytes);
    CHECK(svm.mirror_write(one, data, PAGES * PAGE, bytes, &pages, &faults) == GPUSVM_DONE && pages == PAGES);
    CHECK(look(one, data + 2 * PAGE) == 0x22);
    CHECK(data[2 * PAGE + 5] == 0x5A && look(one, data + 2 * PAGE) == 2);
    CHECK(svm.mirror_read(other, data, PAGE, bytes, &pages, &faults) == GPUSVM_DONE && bytes[9] == 0x5A && faults == 1);
    CHECK(look(one, data) == 2);
    CHECK(svm.mirror_migrate(one, data, PAGES * PAGE, GPUSVM_LOCATION_SYSTEM, &moved) == GPUSVM_DONE && moved == PAGES - 2);
    CHECK(svm.check(memory) == GPUSVM_DONE);

    /* A GPU takes pages from a mirror's memory, and a mirror from the GPU's. */
    unsigned char byte = 0;
    CHECK(svm.mirror_migrate(one, data, PAGE, GPUSVM_LOCATION_DEVICE(0), &moved) == GPUSVM_DONE && moved == 1);
    CHECK(svm.device_read(memory, 0, (uint64_t)data + 1, &byte, 1, NULL) == GPUSVM_DONE && byte == 0x5A);
    CHECK(svm.prefetch(memory, data, PAGE, GPUSVM_LOCATION_DEVICE(0), NULL) == GPUSVM_DONE);
    CHECK(svm.mirror_read(one, data, PAGE, bytes, NULL, NULL) == GPUSVM_DONE && bytes[1] == 0x5A);

    /* A right that is gone, and what is not mapped. */
    CHECK(mprotect(data + 4 * PAGE, PAGE, PROT_READ) == 0);
    EXPECT(svm.mirror_write(one, data + 4 * PAGE, PAGE, bytes, NULL, NULL), GPUSVM_READ_ONLY, "gpusvm_mirror_write");
    CHECK(mprotect(data + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(munmap(data + 5 * PAGE, PAGE) == 0);
    EXPECT(svm.mirror_read(one, data + 4 * PAGE, 2 * PAGE, bytes, &pages, NULL), GPUSVM_NOT_MAPPED, "no mapping");
    EXPECT(svm.mirror_migrate(one, data + 4 * PAGE, 2 * PAGE, GPUSVM_LOCATION_DEVICE(0), &moved), GPUSVM_NOT_MIGRATABLE, "gpusvm_mirror_migrate");
    CHECK(moved == 1 && look(one, data + 5 * PAGE) == 0xFF);

    /* The end of a mirror brings its pages home. */
    CHECK(svm.mirror_destroy(one) == GPUSVM_DONE);
    CHECK(look(other, data + 4 * PAGE) != 0);
    CHECK(data[4 * PAGE + 3] == 0x5A);
    EXPECT(svm.mirror_destroy(one), GPUSVM_INVALID_HANDLE, "no mirror");
    EXPECT(svm.mirror_peek(one, data, PAGE, bytes, &pages), GPUSVM_INVALID_HANDLE, "no mirror");

    /* The other is left to the memory's end, with a page. */
    CHECK(svm.mirror_migrate(other, data, PAGE, GPUSVM_LOCATION_DEVICE(0), &moved) == GPUSVM_DONE && moved == 1);
}

static void refuses(gpusvm_memory memory, unsigned char* data)
{
    gpusvm_mirror mirrors[17];
    EXPECT(svm.mirror_create(memory, 5000, &mirrors[0]), GPUSVM_INVALID_ARGUMENT, "multiple of 4096");
    EXPECT(svm.mirror_create(memory, PAGE, NULL), GPUSVM_INVALID_ARGUMENT, "NULL");
    int made = 0;
    while (svm.mirror_create(memory, PAGE, &mirrors[made]) == GPUSVM_DONE)
        made++;
    CHECK(made > 8 && made <= 16 && strstr(last_error(), "at most 16") != NULL);
    EXPECT(svm.mirror_read(mirrors[0], data + 1, PAGE, bytes, NULL, NULL), GPUSVM_INVALID_ARGUMENT, "whole pages");
    EXPECT(svm.mirror_read(mirrors[0], data, PAGE, NULL, NULL, NULL), GPUSVM_INVALID_ARGUMENT, "NULL");
    EXPECT(svm.mirror_migrate(mirrors[0], data, PAGE, 2, NULL), GPUSVM_INVALID_ARGUMENT, "location 2");

    /* With one page of memory only one page moves. */
    CHECK(svm.mirror_migrate(mirrors[0], data + 2 * PAGE, 2 * PAGE, GPUSVM_LOCATION_DEVICE(0), &moved) == GPUSVM_DONE && moved == 1);
    while (made > 0)
        CHECK(svm.mirror_destroy(mirrors[--made]) == GPUSVM_DONE);
}

/* A program unmaps memory that it has attached, maps anew at the same place, and attaches that. */
static void attaches_again(gpusvm_memory memory)
{
    unsigned char* data = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(svm.attach(memory, data, 4 * PAGE, 0) == GPUSVM_DONE);
    data[3 * PAGE] = 3;
    EXPECT(svm.attach(memory, data, 4 * PAGE, 0), GPUSVM_INVALID_ARGUMENT, "already");
    CHECK(munmap(data, 2 * PAGE) == 0);
    CHECK(mmap(data, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == data);
    CHECK(svm.attach(memory, data, 2 * PAGE, 0) == GPUSVM_DONE);
    data[PAGE] = 1;
    CHECK(svm.prefetch(memory, data, 4 * PAGE, GPUSVM_LOCATION_DEVICE(0), &moved) == GPUSVM_DONE && moved > 0);
    CHECK(svm.detach(memory, data) == GPUSVM_DONE);
    EXPECT(svm.detach(memory, data), GPUSVM_INVALID_HANDLE, "not attached");
    CHECK(data[PAGE] == 1 && data[3 * PAGE] == 3);
    munmap(data, 4 * PAGE);
}

int main(int argc, char** argv)
{
    (void)argc;
    load(argv[1]);
    gpusvm_options options = options_for(argv[2]);
    options.first_touch_bytes = PAGE;
    gpusvm_memory memory = open_or_skip(&options);
    if (options.memory_kind == GPUSVM_MEMORY_PORTABLE) {
        gpusvm_mirror mirror;
        EXPECT(svm.mirror_create(memory, PAGE, &mirror), GPUSVM_NOT_SUPPORTED, "Portable memory");
        CHECK(svm.close(memory) == GPUSVM_DONE);
        options.first_touch_bytes = 12;
        EXPECT(svm.open(&options, &memory), GPUSVM_INVALID_ARGUMENT, "first touch of 12 bytes");
        return 0;
    }

    void* data;
    CHECK(svm.alloc(memory, 16 << 20, &data) == GPUSVM_DONE);
    moves_and_sees(memory, data);
    refuses(memory, (unsigned char*)data + (8 << 20));
    attaches_again(memory);
    CHECK(svm.check(memory) == GPUSVM_DONE);
    CHECK(svm.close(memory) == GPUSVM_DONE);
    return 0;
}
