// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>Tells a forked child from the process that loaded the library, at the price of one load: a page that the kernel empties in children (MADV_WIPEONFORK).</summary>
public static unsafe class ForkMark
{
    private static readonly byte* _mark = Set();

    /// <summary>Whether this process is a child that was forked after the mark was set, which the first look does: threads and shared memory of the library are its parent's.</summary>
    public static bool IsInChild => _mark != null && *_mark == 0;

    /// <summary>Maps the page.</summary>
    /// <returns>Its first byte; null where the kernel has no such memory, and no child is told.</returns>
    private static byte* Set()
    {
        if (!OperatingSystem.IsLinux())
            return null;
        nint page = Libc.mmap(0, PageSize.Bytes, LinuxConstants.PROT_READ | LinuxConstants.PROT_WRITE, LinuxConstants.MAP_PRIVATE | LinuxConstants.MAP_ANONYMOUS, -1, 0);
        if (page == -1)
            return null;
        if (Libc.madvise(page, PageSize.Bytes, LinuxConstants.MADV_WIPEONFORK) != 0)
        {
            _ = Libc.munmap(page, PageSize.Bytes);
            return null;
        }

        // SAFETY: owned for the process's life, private memory, never freed.
        *(byte*)page = 1;
        return (byte*)page;
    }
}
