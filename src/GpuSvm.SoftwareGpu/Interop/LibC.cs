// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.SoftwareGpu.Interop;

/// <summary>The C library's calls that the software GPU makes: plain imports with their C names, ordinary (preemptive) transitions.</summary>
internal static unsafe partial class LibC
{
    /// <summary>PROT_READ | PROT_WRITE.</summary>
    internal const int ProtectionReadWrite = 1 | 2;

    /// <summary>MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, Linux values.</summary>
    internal const int MapPrivateAnonymousNoReserve = 0x02 | 0x20 | 0x4000;

    /// <summary>MADV_DONTFORK, Linux value.</summary>
    internal const int AdviseNoChildren = 10;

    /// <summary>MADV_HUGEPAGE, Linux value.</summary>
    internal const int AdviseHugePage = 14;

    /// <summary>Maps memory.</summary>
    /// <returns>The mapping's first byte, or -1.</returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint mmap(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    /// <summary>Unmaps memory.</summary>
    /// <returns>0, or -1.</returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int munmap(nint address, nuint length);

    /// <summary>Advises the kernel about a mapping.</summary>
    /// <returns>0, or -1.</returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int madvise(nint address, nuint length, int advice);

    /// <summary>Copies bytes between places that do not overlap.</summary>
    /// <returns>The destination.</returns>
    [LibraryImport("libc")]
    internal static partial void* memcpy(void* destination, void* source, nuint bytes);

    /// <summary>Reads the memory of a process (ours too) by way of the kernel: an answer instead of a signal.</summary>
    /// <returns>Bytes copied, or -1.</returns>
    [LibraryImport("libc")]
    internal static partial nint process_vm_readv(int process, IoVec* local, nuint localCount, IoVec* remote, nuint remoteCount, nuint flags);

    /// <summary>Writes the memory of a process (ours too) by way of the kernel: an answer instead of a signal.</summary>
    /// <returns>Bytes copied, or -1.</returns>
    [LibraryImport("libc")]
    internal static partial nint process_vm_writev(int process, IoVec* local, nuint localCount, IoVec* remote, nuint remoteCount, nuint flags);

    /// <summary>Fills bytes.</summary>
    /// <returns>The destination.</returns>
    [LibraryImport("libc")]
    internal static partial void* memset(void* destination, int value, nuint bytes);
}
