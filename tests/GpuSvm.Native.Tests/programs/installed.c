/* SPDX-License-Identifier: MIT */
/* Linked with what pkg-config says of an installed tree; looks that the functions have their symbol version. */
#include <dlfcn.h>
#include <gpusvm.h>
#include <stdio.h>

int main(int count, char** arguments)
{
    gpusvm_memory memory;
    char* text;
    void* library = count == 2 ? dlopen(arguments[1], RTLD_NOW) : NULL;
    if (library == NULL || dlvsym(library, "gpusvm_open", "GPUSVM_1") != (void*)gpusvm_open || dlvsym(library, "gpusvm_open", "GPUSVM_2") != NULL)
        return 2;
    if (gpusvm_abi_version() != GPUSVM_ABI_VERSION || gpusvm_open(NULL, &memory) != GPUSVM_DONE || gpusvm_alloc(memory, 100, (void**)&text) != GPUSVM_DONE)
        return 3;
    snprintf(text, 100, "done");
    printf("installed: %s\n", text);
    return gpusvm_close(memory) == GPUSVM_DONE ? 0 : 4;
}
