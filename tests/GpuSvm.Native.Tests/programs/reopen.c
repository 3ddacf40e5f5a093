/* SPDX-License-Identifier: MIT */
/* Opens, uses and closes memories in turn, with launches that nobody waits for, and finds no thread left behind. */
#include <dirent.h>
#include <unistd.h>

#include "load.h"

static int threads(void)
{
    int count = 0;
    DIR* folder = opendir("/proc/self/task");
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void add(gpusvm_kernel_context* context, void* arguments)
{
    context->functions->atomic_add(context, (uint64_t)arguments + context->group_index % 512 * 4096, 1, 4, NULL);
}

int main(int count, char** arguments)
{
    CHECK(count == 3);
    load(arguments[1]);
    gpusvm_options options = options_for(arguments[2]);
    int before = 0;
    gpusvm_launch last = 0;
    for (int round = 0; round < 10; round++) {
        gpusvm_memory memory = open_or_skip(&options);
        int32_t* data;
        CHECK(svm.alloc(memory, 2 << 20, (void**)&data) == GPUSVM_DONE);
        for (int i = 0; i < 3; i++)
            CHECK(svm.launch_start(memory, add, data, 512, &last) == GPUSVM_DONE);
        gpusvm_launch_result result = run(memory, add, data, 512);
        CHECK(result.status == GPUSVM_DONE);
        for (int i = 0; i < 512; i++)
            CHECK(data[i * 1024] == 4);
        CHECK(svm.launch_start(memory, add, data, 512, &last) == GPUSVM_DONE);
        CHECK(svm.close(memory) == GPUSVM_DONE);
        result.struct_bytes = sizeof result;
        CHECK(svm.launch_wait(last, 0, &result) == GPUSVM_INVALID_HANDLE);
        if (round == 1)
            before = threads();
    }
    for (int i = 0; i < 50 && threads() > before; i++)
        usleep(100000); /* Threads that were joined may take a moment to leave /proc. */
    CHECK(threads() <= before);
    return 0;
}
