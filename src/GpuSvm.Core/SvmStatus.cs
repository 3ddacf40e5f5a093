// SPDX-License-Identifier: MIT
namespace GpuSvm.Core;

/// <summary>
/// What an operation came to, from the trees up to the C ABI. The value's sixteens are families, so that a caller who does not care about
/// the exact reason still knows what to do: done (0), retry (16), declined (32), exhausted (48), gone (64), misuse (80).
/// </summary>
/// <remarks>A status is never dropped silently: it is returned, acted on, or counted. Values are stable: they are the C ABI's.</remarks>
public enum SvmStatus
{
    /// <summary>The work was done, or had been done before. Kernel: 0.</summary>
    Done = 0,

    /// <summary>Something changed meanwhile (a sequence, a tree, a page): look everything up again at once. Kernel: -EAGAIN.</summary>
    Retry = 16,

    /// <summary>Others hold the pages (a migration under way, a pin, a collision): try again later, or do something else. Kernel: -EBUSY.</summary>
    Busy = 17,

    /// <summary>A write was asked for and the mapping is read-only. Kernel: -EPERM.</summary>
    ReadOnly = 32,

    /// <summary>The pages may not move: not anonymous, or the range was made without permission to migrate. Kernel: -EBUSY of the VMA check.</summary>
    NotMigratable = 33,

    /// <summary>The interval mixes placements and the caller did not allow that: evict it, then retry. Kernel: -EOPNOTSUPP.</summary>
    MixedPlacement = 34,

    /// <summary>The machine or the memory cannot do this at all. Kernel: -ENOSYS.</summary>
    NotSupported = 35,

    /// <summary>The program has denied this device the memory, or atomic operations on it. Kernel: -EACCES.</summary>
    AccessDenied = 36,

    /// <summary>The host is out of memory, or a staging block cannot be had. Kernel: -ENOMEM.</summary>
    OutOfHostMemory = 48,

    /// <summary>The device's memory is full: evict, or map the pages where they are. Kernel: -ENOSPC.</summary>
    OutOfDeviceMemory = 49,

    /// <summary>A budget of tries or of time ran out; nothing was lost. Kernel: -ETIME.</summary>
    TimedOut = 50,

    /// <summary>No mapping covers the address. Kernel: -ENOENT.</summary>
    NotMapped = 64,

    /// <summary>The mapping was there and has been taken away (in part): collect garbage, then look up again. Kernel: -EFAULT.</summary>
    Unmapped = 65,

    /// <summary>The process side of the address space has ended. Kernel: -EFAULT from a dead mm.</summary>
    ProcessGone = 66,

    /// <summary>The device is unplugged or closed. Kernel: -ENODEV.</summary>
    DeviceGone = 67,

    /// <summary>A copy or a device mapping failed; the bytes are where they were before. Kernel: -EFAULT or -EIO.</summary>
    CopyFailed = 68,

    /// <summary>An argument is out of its range: unaligned, empty, too large, null. Kernel: -EINVAL.</summary>
    InvalidArgument = 80,

    /// <summary>The object was closed, freed or never was: freed twice, used after dispose. Kernel: -EBADF.</summary>
    InvalidHandle = 81,

    /// <summary>A kernel reported failure itself, or threw.</summary>
    KernelFailed = 82,

    /// <summary>The program took the work back before it was done; what was done stays. Kernel: -ECANCELED.</summary>
    Cancelled = 83,
}
