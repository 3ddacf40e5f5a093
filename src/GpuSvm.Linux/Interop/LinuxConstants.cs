// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>Flags and numbers of the memory, file and scheduling calls, under their C names. A test compares them with the C headers.</summary>
internal static class LinuxConstants
{
    /// <summary>No access.</summary>
    internal const int PROT_NONE = 0;

    /// <summary>Readable.</summary>
    internal const int PROT_READ = 1;

    /// <summary>Writable.</summary>
    internal const int PROT_WRITE = 2;

    /// <summary>Changes stay with this process.</summary>
    internal const int MAP_PRIVATE = 0x2;

    /// <summary>Exactly at the address, replacing what is there in one step.</summary>
    internal const int MAP_FIXED = 0x10;

    /// <summary>No file behind it.</summary>
    internal const int MAP_ANONYMOUS = 0x20;

    /// <summary>No commit charge for untouched pages.</summary>
    internal const int MAP_NORESERVE = 0x4000;

    /// <summary>Drop the pages.</summary>
    internal const int MADV_DONTNEED = 4;

    /// <summary>A forked child does not get the mapping.</summary>
    internal const int MADV_DONTFORK = 10;

    /// <summary>A forked child gets the mapping again.</summary>
    internal const int MADV_DOFORK = 11;

    /// <summary>Use 2 MiB pages.</summary>
    internal const int MADV_HUGEPAGE = 14;

    /// <summary>Never use 2 MiB pages.</summary>
    internal const int MADV_NOHUGEPAGE = 15;

    /// <summary>Pages that are empty in a forked child.</summary>
    internal const int MADV_WIPEONFORK = 18;

    /// <summary>Fault the pages in, writable, now.</summary>
    internal const int MADV_POPULATE_WRITE = 23;

    /// <summary>Open for reading.</summary>
    internal const int O_RDONLY = 0;

    /// <summary>Open for reading and writing.</summary>
    internal const int O_RDWR = 2;

    /// <summary>Reads do not wait.</summary>
    internal const int O_NONBLOCK = 0x800;

    /// <summary>Closed by exec.</summary>
    internal const int O_CLOEXEC = 0x80000;

    /// <summary>Something can be read.</summary>
    internal const short POLLIN = 1;

    /// <summary>Access outside what the memory holds.</summary>
    internal const int SIGBUS = 7;

    /// <summary>Limit on locked memory.</summary>
    internal const int RLIMIT_MEMLOCK = 8;

    /// <summary>membarrier: which commands exist.</summary>
    internal const int MEMBARRIER_CMD_QUERY = 0;

    /// <summary>membarrier: the expedited barrier within one process.</summary>
    internal const int MEMBARRIER_CMD_PRIVATE_EXPEDITED = 8;

    /// <summary>The number of the userfaultfd call on this machine.</summary>
    internal static int SYS_userfaultfd { get; } = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 282 : 323;

    /// <summary>The number of the membarrier call on this machine.</summary>
    internal static int SYS_membarrier { get; } = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 283 : 324;
}
