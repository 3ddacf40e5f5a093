// SPDX-License-Identifier: MIT
using Microsoft.Extensions.Logging;

namespace GpuSvm.Observing;

/// <summary>Every sentence that the package logs, with its number. docs/observing.md lists them. What is below the logger's level costs a comparison.</summary>
internal static partial class SvmLog
{
    /// <summary>A memory was opened.</summary>
    /// <param name="logger">Where to.</param>
    /// <param name="kind">What it has become.</param>
    /// <param name="deviceBytes">The device memory's size.</param>
    /// <param name="capacityBytes">How much can be allocated.</param>
    [LoggerMessage(1, LogLevel.Information, "Opened {Kind} shared memory with {DeviceBytes} bytes of device memory and a capacity of {CapacityBytes} bytes.")]
    public static partial void Opened(ILogger logger, MemoryKind kind, long deviceBytes, long capacityBytes);

    /// <summary>Real memory could not be had and nobody insisted on it.</summary>
    /// <param name="logger">Where to.</param>
    /// <param name="reason">Why, and what mends it.</param>
    [LoggerMessage(2, LogLevel.Warning, "Portable shared memory takes the place of real memory: {Reason}")]
    public static partial void FellBack(ILogger logger, string reason);

    /// <summary>A memory was closed.</summary>
    /// <param name="logger">Where to.</param>
    /// <param name="arrays">How many arrays were still there.</param>
    [LoggerMessage(3, LogLevel.Information, "Closed shared memory; {Arrays} arrays ended with it.")]
    public static partial void Closed(ILogger logger, int arrays);

    /// <summary>An array was forgotten.</summary>
    /// <param name="logger">Where to.</param>
    /// <param name="address">Its first byte.</param>
    /// <param name="bytes">Its length.</param>
    [LoggerMessage(4, LogLevel.Warning, "A shared array of {Bytes} bytes at 0x{Address:x} was never disposed; its memory stays in use until its SharedMemory is disposed. Dispose arrays, for instance with using.")]
    public static partial void ArrayLeaked(ILogger logger, nint address, nint bytes);

    /// <summary>A memory was forgotten.</summary>
    /// <param name="logger">Where to.</param>
    [LoggerMessage(5, LogLevel.Warning, "A SharedMemory was never disposed; its memory and threads stay until the process ends. Dispose it, for instance with using.")]
    public static partial void MemoryLeaked(ILogger logger);

    /// <summary>A launch failed; whoever waits for it gets the exception.</summary>
    /// <param name="logger">Where to.</param>
    /// <param name="status">Why.</param>
    /// <param name="message">The library's sentence.</param>
    [LoggerMessage(6, LogLevel.Warning, "A launch failed with {Status}: {Message}")]
    public static partial void LaunchFailed(ILogger logger, StatusCode status, string message);

    /// <summary>A prefetch left pages where they were.</summary>
    /// <param name="logger">Where to.</param>
    /// <param name="failedBytes">What did not come.</param>
    /// <param name="requestedBytes">Of how much.</param>
    /// <param name="location">Where to.</param>
    /// <param name="status">Why.</param>
    [LoggerMessage(7, LogLevel.Information, "Of {RequestedBytes} bytes {FailedBytes} did not come to {Location} memory ({Status}); they are where they were.")]
    public static partial void PrefetchIncomplete(ILogger logger, long failedBytes, long requestedBytes, MemoryLocation location, StatusCode status);

    /// <summary>An address space was forgotten.</summary>
    /// <param name="logger">Where to.</param>
    [LoggerMessage(8, LogLevel.Warning, "A SharedVm was never disposed; its page tables stay until its SharedMemory is disposed. Dispose it, for instance with using.")]
    public static partial void VmLeaked(ILogger logger);
}
