// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>
/// Every C library function this project calls, under its C name and without logic. All are ordinary P/Invokes: the thread is in preemptive mode
/// while it is inside, so that a collection never waits for a thread that waits for a page.
/// </summary>
internal static unsafe partial class Libc
{
    /// <summary>The C library; the runtime finds the system's own under this name.</summary>
    private const string Library = "libc";

    /// <summary>Maps memory; -1 on failure.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint mmap(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    /// <summary>Unmaps memory. On an interval registered with UNMAP events the caller sleeps until the event is read.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int munmap(nint address, nuint length);

    /// <summary>Changes the protection of whole pages.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int mprotect(nint address, nuint length, int protection);

    /// <summary>Advises about pages. MADV_DONTNEED on an interval registered with REMOVE events sleeps until the event is read.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int madvise(nint address, nuint length, int advice);

    /// <summary>Device control with a structure as its argument.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(int descriptor, nuint request, void* argument);

    /// <summary>Device control with a number as its argument.</summary>
    [LibraryImport(Library, EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int ioctl_value(int descriptor, nuint request, nint argument);

    /// <summary>Waits for descriptors; milliseconds, -1 forever.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int poll(PollFd* descriptors, nuint count, int timeout);

    /// <summary>Reads from a descriptor.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint read(int descriptor, void* buffer, nuint count);

    /// <summary>Writes to a descriptor.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint write(int descriptor, void* buffer, nuint count);

    /// <summary>Reads from a place of a descriptor.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint pread(int descriptor, void* buffer, nuint count, long offset);

    /// <summary>Writes to a place of a descriptor.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint pwrite(int descriptor, void* buffer, nuint count, long offset);

    /// <summary>A descriptor that counts: the bell of the service threads.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int eventfd(uint initial, int flags);

    /// <summary>Opens a file.</summary>
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags);

    /// <summary>Closes a descriptor.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int close(int descriptor);

    /// <summary>A system call by number with two arguments.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint syscall(nint number, nint first, nint second);

    /// <summary>The futex system call by its number, with the arguments of FUTEX_WAKE_OP.</summary>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static unsafe partial nint futex(nint number, void* word, nint operation, nint wake, nint wakeOther, void* other, nint encoded);

    /// <summary>The CPU the thread runs on.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sched_getcpu();

    /// <summary>Binds a thread (0: the calling one) to the CPUs of a bit mask.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sched_setaffinity(int thread, nuint maskBytes, void* mask);

    /// <summary>Sends a signal to one thread of a process.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int tgkill(int process, int thread, int signal);

    /// <summary>Reads a resource limit.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getrlimit(int resource, RLimit* limit);

    /// <summary>Copies bytes; the one way in which a thread of this runtime may touch shared memory.</summary>
    [LibraryImport(Library)]
    internal static partial void* memcpy(void* destination, void* source, nuint count);

    /// <summary>Reads the memory of a process (ours too) by way of the kernel: EFAULT instead of a signal.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint process_vm_readv(int process, IoVec* local, nuint localCount, IoVec* remote, nuint remoteCount, nuint flags);

    /// <summary>Writes the memory of a process (ours too) by way of the kernel: EFAULT instead of a signal.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint process_vm_writev(int process, IoVec* local, nuint localCount, IoVec* remote, nuint remoteCount, nuint flags);

    /// <summary>Registers functions that are called around each fork: before it, after it in the parent, after it in the child; 0 for none.</summary>
    [LibraryImport(Library)]
    internal static partial int pthread_atfork(nint prepare, nint parent, nint child);
}
