// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux.Interop;

/// <summary>Request numbers, features and flags of userfaultfd, under their C names (linux/userfaultfd.h). A test compares them with C.</summary>
internal static class UserfaultConstants
{
    /// <summary>The version of the interface.</summary>
    internal const ulong UFFD_API = 0xAA;

    /// <summary>userfaultfd(2): only faults of user mode are served; those from inside the kernel fail with EFAULT.</summary>
    internal const int UFFD_USER_MODE_ONLY = 1;

    /// <summary>/dev/userfaultfd: a new descriptor.</summary>
    internal const uint USERFAULTFD_IOC_NEW = 0x0000AA00;

    /// <summary>The handshake.</summary>
    internal const uint UFFDIO_API = 0xC018AA3F;

    /// <summary>Registers an interval.</summary>
    internal const uint UFFDIO_REGISTER = 0xC020AA00;

    /// <summary>Forgets an interval and wakes who waits in it.</summary>
    internal const uint UFFDIO_UNREGISTER = 0x8010AA01;

    /// <summary>Wakes who waits in an interval.</summary>
    internal const uint UFFDIO_WAKE = 0x8010AA02;

    /// <summary>Installs copies of pages.</summary>
    internal const uint UFFDIO_COPY = 0xC028AA03;

    /// <summary>Installs the shared page of zeroes.</summary>
    internal const uint UFFDIO_ZEROPAGE = 0xC020AA04;

    /// <summary>Moves pages from one place of the process to another.</summary>
    internal const uint UFFDIO_MOVE = 0xC028AA05;

    /// <summary>Write-protects, or lifts that.</summary>
    internal const uint UFFDIO_WRITEPROTECT = 0xC018AA06;

    /// <summary>Makes absent pages fail with SIGBUS.</summary>
    internal const uint UFFDIO_POISON = 0xC020AA08;

    /// <summary>REGISTER: report touches of absent pages.</summary>
    internal const ulong UFFDIO_REGISTER_MODE_MISSING = 1;

    /// <summary>REGISTER: report writes to write-protected pages.</summary>
    internal const ulong UFFDIO_REGISTER_MODE_WP = 2;

    /// <summary>COPY: install write-protected.</summary>
    internal const ulong UFFDIO_COPY_MODE_WP = 2;

    /// <summary>WRITEPROTECT: protect (otherwise: lift).</summary>
    internal const ulong UFFDIO_WRITEPROTECT_MODE_WP = 1;

    /// <summary>A page fault.</summary>
    internal const byte UFFD_EVENT_PAGEFAULT = 0x12;

    /// <summary>The process forked.</summary>
    internal const byte UFFD_EVENT_FORK = 0x13;

    /// <summary>A mapping moved.</summary>
    internal const byte UFFD_EVENT_REMAP = 0x14;

    /// <summary>The pages of an interval are about to be dropped.</summary>
    internal const byte UFFD_EVENT_REMOVE = 0x15;

    /// <summary>An interval has been unmapped.</summary>
    internal const byte UFFD_EVENT_UNMAP = 0x16;

    /// <summary>The fault was a write.</summary>
    internal const ulong UFFD_PAGEFAULT_FLAG_WRITE = 1;

    /// <summary>The fault was a write to a protected page.</summary>
    internal const ulong UFFD_PAGEFAULT_FLAG_WP = 2;

    /// <summary>Write-protect faults exist.</summary>
    internal const ulong UFFD_FEATURE_PAGEFAULT_FLAG_WP = 1 << 0;

    /// <summary>Tells of mappings that move.</summary>
    internal const ulong UFFD_FEATURE_EVENT_REMAP = 1 << 2;

    /// <summary>REMOVE events.</summary>
    internal const ulong UFFD_FEATURE_EVENT_REMOVE = 1 << 3;

    /// <summary>UNMAP events.</summary>
    internal const ulong UFFD_FEATURE_EVENT_UNMAP = 1 << 6;

    /// <summary>Faults name the thread.</summary>
    internal const ulong UFFD_FEATURE_THREAD_ID = 1 << 8;

    /// <summary>Faults give the address itself, not its page.</summary>
    internal const ulong UFFD_FEATURE_EXACT_ADDRESS = 1 << 11;

    /// <summary>UFFDIO_POISON exists (6.6).</summary>
    internal const ulong UFFD_FEATURE_POISON = 1 << 14;

    /// <summary>UFFDIO_MOVE exists (6.8).</summary>
    internal const ulong UFFD_FEATURE_MOVE = 1 << 16;
}
