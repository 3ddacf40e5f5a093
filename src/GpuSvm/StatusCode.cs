// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>
/// What a call into the library came to. The sixteens are families: done 0, retry 16, declined 32, exhausted 48, gone 64, misuse 80. Values are the C ABI's.
/// </summary>
public enum StatusCode
{
    /// <summary>The work was done.</summary>
    Done = 0,

    /// <summary>Something changed meanwhile: the same call may succeed when made again.</summary>
    Retry = 16,

    /// <summary>The pages are held by others: try again later.</summary>
    Busy = 17,

    /// <summary>A write was asked for and the mapping is read-only.</summary>
    ReadOnly = 32,

    /// <summary>The pages may not move.</summary>
    NotMigratable = 33,

    /// <summary>The interval is partly in device memory and partly in system memory.</summary>
    MixedPlacement = 34,

    /// <summary>This memory or this machine cannot do that; the message names the remedy.</summary>
    NotSupported = 35,

    /// <summary>The program has denied the device this memory, or atomic operations on it.</summary>
    AccessDenied = 36,

    /// <summary>The host, or the memory's capacity, is used up.</summary>
    OutOfHostMemory = 48,

    /// <summary>The device memory is full and nothing can be evicted.</summary>
    OutOfDeviceMemory = 49,

    /// <summary>A budget of tries or of time ran out; nothing was lost.</summary>
    TimedOut = 50,

    /// <summary>No mapping covers the address.</summary>
    NotMapped = 64,

    /// <summary>The mapping was there and has been taken away.</summary>
    Unmapped = 65,

    /// <summary>The process side of the address space has ended.</summary>
    ProcessGone = 66,

    /// <summary>The device is unplugged or closed.</summary>
    DeviceGone = 67,

    /// <summary>A copy or a device mapping failed; the bytes are where they were before.</summary>
    CopyFailed = 68,

    /// <summary>An argument is out of its range.</summary>
    InvalidArgument = 80,

    /// <summary>The object was closed, freed or never was.</summary>
    InvalidHandle = 81,

    /// <summary>A kernel reported failure itself, or threw.</summary>
    KernelFailed = 82,

    /// <summary>The program took the work back before it was done; what was done stays.</summary>
    Cancelled = 83,
}
