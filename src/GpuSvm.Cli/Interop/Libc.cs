// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Cli.Interop;

/// <summary>
/// The C library's calls that the benchmarks need, with their C names; Linux only. A result below 0 leaves errno in the last P/Invoke error.
/// </summary>
internal static partial class Libc
{
    /// <summary>mmap: pages may be read.</summary>
    public const int PROT_READ = 1;

    /// <summary>mmap: pages may be written.</summary>
    public const int PROT_WRITE = 2;

    /// <summary>mmap: changes stay in this process.</summary>
    public const int MAP_PRIVATE = 2;

    /// <summary>mmap: no file behind it.</summary>
    public const int MAP_ANONYMOUS = 0x20;

    /// <summary>madvise: use huge pages.</summary>
    public const int MADV_HUGEPAGE = 14;

    /// <summary>Limits a thread to some CPUs; threads it creates inherit that.</summary>
    /// <param name="pid">Thread id; 0 for the calling thread.</param>
    /// <param name="cpusetsize">Bytes of the mask.</param>
    /// <param name="mask">One bit a CPU.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int sched_setaffinity(int pid, nuint cpusetsize, ReadOnlySpan<ulong> mask);

    /// <summary>The CPUs a thread may run on.</summary>
    /// <param name="pid">Thread id; 0 for the calling thread.</param>
    /// <param name="cpusetsize">Bytes of the mask.</param>
    /// <param name="mask">One bit a CPU; zeroed before.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int sched_getaffinity(int pid, nuint cpusetsize, Span<ulong> mask);

    /// <summary>The CPU the calling thread runs on.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int sched_getcpu();

    /// <summary>Copies memory that does not overlap.</summary>
    /// <param name="dest">Where to.</param>
    /// <param name="src">Where from.</param>
    /// <param name="n">Bytes.</param>
    [LibraryImport("libc")]
    public static partial nint memcpy(nint dest, nint src, nuint n);

    /// <summary>Maps memory; -1 on failure.</summary>
    /// <param name="addr">0: anywhere.</param>
    /// <param name="length">Bytes, whole pages.</param>
    /// <param name="prot">PROT_ bits.</param>
    /// <param name="flags">MAP_ bits.</param>
    /// <param name="fd">-1 for none.</param>
    /// <param name="offset">0.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint mmap(nint addr, nuint length, int prot, int flags, int fd, nint offset);

    /// <summary>Gives mapped memory back.</summary>
    /// <param name="addr">From mmap.</param>
    /// <param name="length">As given to mmap.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int munmap(nint addr, nuint length);

    /// <summary>Tells the kernel how memory will be used.</summary>
    /// <param name="addr">Page aligned.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="advice">A MADV_ value.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int madvise(nint addr, nuint length, int advice);

    /// <summary>Changes what may be done with mapped memory.</summary>
    /// <param name="addr">Page aligned.</param>
    /// <param name="len">Bytes.</param>
    /// <param name="prot">PROT_ bits.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int mprotect(nint addr, nuint len, int prot);

    /// <summary>Moves mapped memory to other addresses; -1 on failure.</summary>
    /// <param name="oldAddress">Page aligned.</param>
    /// <param name="oldSize">Bytes.</param>
    /// <param name="newSize">Bytes.</param>
    /// <param name="flags">MREMAP_ bits.</param>
    /// <param name="newAddress">Where to, with MREMAP_FIXED.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint mremap(nint oldAddress, nuint oldSize, nuint newSize, int flags, nint newAddress);

    /// <summary>Copies out of the memory of a process, as that process would see it; how many bytes, or -1.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="local">Our side.</param>
    /// <param name="localCount">1.</param>
    /// <param name="remote">The process's side.</param>
    /// <param name="remoteCount">1.</param>
    /// <param name="flags">0.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint process_vm_readv(int pid, in IoVec local, nuint localCount, in IoVec remote, nuint remoteCount, nuint flags);

    /// <summary>Copies into the memory of a process; the parameters of the other.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="local">Our side.</param>
    /// <param name="localCount">1.</param>
    /// <param name="remote">The process's side.</param>
    /// <param name="remoteCount">1.</param>
    /// <param name="flags">0.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint process_vm_writev(int pid, in IoVec local, nuint localCount, in IoVec remote, nuint remoteCount, nuint flags);

    /// <summary>A descriptor that one thread waits on and another signals.</summary>
    /// <param name="initval">The counter at first.</param>
    /// <param name="flags">0.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int eventfd(uint initval, int flags);

    /// <summary>Reads from a descriptor; waits until there is something.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="buf">8 bytes for an eventfd.</param>
    /// <param name="count">Bytes.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint read(int fd, ref ulong buf, nuint count);

    /// <summary>Writes to a descriptor.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="buf">8 bytes for an eventfd.</param>
    /// <param name="count">Bytes.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint write(int fd, in ulong buf, nuint count);

    /// <summary>Closes a descriptor.</summary>
    /// <param name="fd">The descriptor.</param>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int fd);
}
