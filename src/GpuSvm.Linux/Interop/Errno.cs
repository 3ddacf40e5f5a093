// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux.Interop;

/// <summary>The error numbers this project tells apart; the values are the same on x86-64 and arm64.</summary>
internal static class Errno
{
    /// <summary>Not permitted.</summary>
    internal const int EPERM = 1;

    /// <summary>Nothing there: a hole in the source, or the destination is not registered.</summary>
    internal const int ENOENT = 2;

    /// <summary>The process is exiting.</summary>
    internal const int ESRCH = 3;

    /// <summary>A signal came in between.</summary>
    internal const int EINTR = 4;

    /// <summary>Try again: an event waits to be read, or nothing to read.</summary>
    internal const int EAGAIN = 11;

    /// <summary>No memory, or too many mappings.</summary>
    internal const int ENOMEM = 12;

    /// <summary>Access denied by file permissions.</summary>
    internal const int EACCES = 13;

    /// <summary>Bad address; for userfaultfd also: a marker stands in the page table.</summary>
    internal const int EFAULT = 14;

    /// <summary>The page is pinned or shared, or the interval is registered elsewhere.</summary>
    internal const int EBUSY = 16;

    /// <summary>A page is there already.</summary>
    internal const int EEXIST = 17;

    /// <summary>An argument does not fit.</summary>
    internal const int EINVAL = 22;

    /// <summary>The kernel has no such call.</summary>
    internal const int ENOSYS = 38;
}
