// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Stress.Interop;

/// <summary>The C library's functions by which a scenario's threads touch and change shared memory. All are ordinary P/Invokes: the thread is in preemptive mode while it waits for a page or for an event to be read.</summary>
internal static unsafe partial class LibC
{
    private const string Library = "libc";

    /// <summary>PROT_READ and PROT_WRITE.</summary>
    internal const int ReadWrite = 3;

    /// <summary>PROT_READ.</summary>
    internal const int ReadOnly = 1;

    /// <summary>MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED and MAP_NORESERVE.</summary>
    internal const int FreshAndFixed = 0x4032;

    /// <summary>MADV_DONTNEED.</summary>
    internal const int DontNeed = 4;

    /// <summary>MADV_POPULATE_WRITE.</summary>
    internal const int PopulateForWriting = 23;

    /// <summary>MREMAP_MAYMOVE, MREMAP_FIXED and MREMAP_DONTUNMAP.</summary>
    internal const int MoveAndKeep = 7;

    /// <summary>O_CLOEXEC.</summary>
    internal const int CloseOnExec = 0x80000;

    /// <summary>FUTEX_WAKE_OP, of this process alone.</summary>
    internal const int FutexWakeOperation = 5 | 128;

    /// <summary>A pipe's two ends: to read from, to write to.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int pipe2(int* descriptors, int flags);

    /// <summary>Reads from a descriptor.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint read(int descriptor, void* buffer, nuint count);

    /// <summary>Writes to a descriptor.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint write(int descriptor, void* buffer, nuint count);

    /// <summary>Closes a descriptor.</summary>
    [LibraryImport(Library)]
    internal static partial int close(int descriptor);

    /// <summary>Maps memory; -1 on failure.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint mmap(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    /// <summary>Unmaps memory.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int munmap(nint address, nuint length);

    /// <summary>Changes the protection of whole pages.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int mprotect(nint address, nuint length, int protection);

    /// <summary>Advises about pages.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int madvise(nint address, nuint length, int advice);

    /// <summary>Moves a mapping to an address.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint mremap(nint from, nuint oldLength, nuint newLength, int flags, nint to);

    /// <summary>Reads the memory of a process by way of the kernel.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint process_vm_readv(int process, IoVec* local, nuint localCount, IoVec* remote, nuint remoteCount, nuint flags);

    /// <summary>Writes the memory of a process by way of the kernel.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint process_vm_writev(int process, IoVec* local, nuint localCount, IoVec* remote, nuint remoteCount, nuint flags);

    /// <summary>The futex system call by its number, with the arguments of FUTEX_WAKE_OP.</summary>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint futex(nint number, void* word, nint operation, nint wake, nint wakeOther, void* other, nint encoded);

    /// <summary>Sleeps for microseconds, below a million.</summary>
    [LibraryImport(Library)]
    internal static partial int usleep(uint microseconds);
}
