// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <content>Prefetching in the background.</content>
public sealed partial class SharedMemory
{
    private const int ProgressMilliseconds = 50;

    /// <summary>Moves an array in the background, several blocks of 2 MiB at a time. CPU and kernels may use it meanwhile.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="array">The array; it must not be disposed before the task has ended.</param>
    /// <param name="location">Where to.</param>
    /// <param name="progress">Is told about 20 times a second how far it is, and once at the end; null for nobody.</param>
    /// <param name="cancellationToken">Ends it early: what has moved stays where it is.</param>
    /// <returns>What was done. It fails with an <see cref="OperationCanceledException"/> if it was cancelled before everything was begun, and with a
    /// <see cref="SharedMemoryException"/> if pages could not be moved for another reason than a full device.</returns>
    public Task<PrefetchResult> PrefetchAsync<T>(
        SharedArray<T> array, MemoryLocation location, IProgress<PrefetchResult>? progress = null, CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        return PrefetchAsync(array, [(0, array.Length)], location, progress, cancellationToken);
    }

    /// <summary>Moves parts of an array in the background; otherwise as the other overload.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="array">The array; it must not be disposed before the task has ended.</param>
    /// <param name="parts">The parts, in elements: where each begins and how long it is; at most a million. Empty parts are left out.</param>
    /// <param name="location">Where to.</param>
    /// <param name="progress">As in the other overload.</param>
    /// <param name="cancellationToken">As in the other overload.</param>
    /// <returns>As the other overload.</returns>
    public unsafe Task<PrefetchResult> PrefetchAsync<T>(
        SharedArray<T> array,
        IReadOnlyList<(nint Start, nint Length)> parts,
        MemoryLocation location,
        IProgress<PrefetchResult>? progress = null,
        CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        ArgumentNullException.ThrowIfNull(parts);
        CheckLocation(location);
        ObjectDisposedException.ThrowIf(_disposed, this);
        var intervals = new List<NativeInterval>(parts.Count);
        foreach ((nint start, nint length) in parts)
        {
            nint address = array.AddressOf(start, length);
            if (length > 0)
                intervals.Add(new NativeInterval { Pointer = address, Bytes = (ulong)(length * sizeof(T)) });
        }

        ulong operation;
        // SAFETY: pinned during the call, which copies the list.
        fixed (NativeInterval* first = intervals.ToArray())
            NativeErrors.Check(NativeMethods.gpusvm_prefetch_start(_handle, first, (ulong)intervals.Count, (uint)location, out operation));
        return Task.Run(() => Follow(operation, progress, cancellationToken), CancellationToken.None);
    }

    /// <summary>Refuses a location that pages cannot be sent to.</summary>
    /// <param name="location">Where to.</param>
    private static void CheckLocation(MemoryLocation location)
    {
        if (location is not (MemoryLocation.Device or MemoryLocation.System))
            throw new ArgumentOutOfRangeException(nameof(location), location, "Prefetch moves pages to Device or to System.");
    }

    /// <summary>Waits for a prefetch, tells how far it is, and cancels it when that is wanted.</summary>
    /// <param name="operation">The library's handle; ended here.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="cancellationToken">When to cancel.</param>
    /// <returns>What was done.</returns>
    private static unsafe PrefetchResult Follow(ulong operation, IProgress<PrefetchResult>? progress, CancellationToken cancellationToken)
    {
        var told = new NativePrefetchProgress { StructBytes = (uint)sizeof(NativePrefetchProgress) };
        try
        {
            using CancellationTokenRegistration cancels = cancellationToken.Register(() => _ = NativeMethods.gpusvm_prefetch_cancel(operation)); // If its memory has ended, so has it.
            int status = NativeMethods.gpusvm_prefetch_wait(operation, ProgressMilliseconds, ref told);
            for (; status == (int)StatusCode.TimedOut; status = NativeMethods.gpusvm_prefetch_wait(operation, ProgressMilliseconds, ref told))
                progress?.Report(told.ToResult());
            NativeErrors.Check(status);
            progress?.Report(told.ToResult());
        }
        finally
        {
            _ = NativeMethods.gpusvm_prefetch_end(operation); // If its memory has ended, so has it.
        }

        if (told.Status == (int)StatusCode.Cancelled)
            throw new OperationCanceledException($"The prefetch was cancelled after {told.MovedBytes} bytes had moved; they stay where they are.", cancellationToken);
        if (told.Status is not ((int)StatusCode.Done or (int)StatusCode.OutOfDeviceMemory))
            throw new SharedMemoryException((StatusCode)told.Status, $"Of {told.RequestedBytes} bytes {told.FailedBytes} could not be moved: {(StatusCode)told.Status}.");
        return told.ToResult();
    }
}
