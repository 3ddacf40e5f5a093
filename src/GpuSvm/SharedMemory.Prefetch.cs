// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Interop;
using GpuSvm.Observing;

namespace GpuSvm;

/// <content>Moving pages before they are touched: now, or in the background.</content>
public sealed partial class SharedMemory
{
    /// <summary>Moves a whole array's pages now, instead of when they are touched.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="location">Where to.</param>
    /// <returns>The bytes of the array that really moved: less than asked for where pages were there already or do not fit; none to the device of portable memory.</returns>
    public nint Prefetch<T>(SharedArray<T> array, MemoryLocation location)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        return Prefetch(array, 0, array.Length, location);
    }

    /// <summary>Moves the pages of a part of an array now.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="start">The first element's index.</param>
    /// <param name="length">How many elements; the pages that hold them move whole.</param>
    /// <param name="location">Where to.</param>
    /// <returns>The bytes that really moved.</returns>
    public unsafe nint Prefetch<T>(SharedArray<T> array, nint start, nint length, MemoryLocation location)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        return Prefetch(array.AddressOf(start, length), length * sizeof(T), location);
    }

    /// <summary>Moves pages now.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="bytes">The length; nothing is done for 0.</param>
    /// <param name="location">Where to.</param>
    /// <returns>The bytes that really moved.</returns>
    internal nint Prefetch(nint address, nint bytes, MemoryLocation location)
    {
        CheckLocation(location);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (bytes == 0)
            return 0;
        Activity? activity = SvmActivities.Begin(NameOf(location));
        int status = NativeMethods.gpusvm_prefetch(_handle, address, (ulong)bytes, (uint)location, out ulong moved);
        activity?.SetTag("gpusvm.requested", bytes).SetTag("gpusvm.moved", (long)moved);
        SvmActivities.End(activity, (StatusCode)status, "");
        NativeErrors.Check(status);
        return (nint)moved;
    }

    /// <summary>Moves an array in the background, several blocks of 2 MiB at a time. CPU and kernels may use it meanwhile.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="array">The array; disposed meanwhile, its pages are given back when the prefetch has ended.</param>
    /// <param name="location">Where to.</param>
    /// <param name="progress">Is told about 20 times a second how far it is, and once at the end; null for nobody.</param>
    /// <param name="cancellationToken">Ends it early: what has moved stays where it is.</param>
    /// <returns>What was done. It fails with an <see cref="OperationCanceledException"/> if it was cancelled before everything was begun, and with a
    /// <see cref="SharedMemoryException"/> if pages could not be moved for another reason than a full device.</returns>
    public ValueTask<PrefetchResult> PrefetchAsync<T>(
        SharedArray<T> array, MemoryLocation location, IProgress<PrefetchResult>? progress = null, CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        return PrefetchAsync(array, [(0, array.Length)], location, progress, cancellationToken);
    }

    /// <summary>Moves parts of an array in the background; otherwise as the other overload.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="array">As in the other overload.</param>
    /// <param name="parts">The parts, in elements: where each begins and how long it is; at most a million. Empty parts are left out.</param>
    /// <param name="location">Where to.</param>
    /// <param name="progress">As in the other overload.</param>
    /// <param name="cancellationToken">As in the other overload.</param>
    /// <returns>As the other overload.</returns>
    public unsafe ValueTask<PrefetchResult> PrefetchAsync<T>(
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

        ISharedAllocation held = array;
        ObjectDisposedException.ThrowIf(!held.TryHold(), array);
        return StartPrefetch([.. intervals], [held], location, progress, cancellationToken);
    }

    /// <summary>Moves an array back to system memory in the background and so makes room on the device: a prefetch to <see cref="MemoryLocation.System"/>.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="cancellationToken">As for a prefetch.</param>
    /// <returns>As of a prefetch.</returns>
    public ValueTask<PrefetchResult> EvictAsync<T>(SharedArray<T> array, CancellationToken cancellationToken = default)
        where T : unmanaged
        => PrefetchAsync(array, MemoryLocation.System, null, cancellationToken);

    /// <summary>Moves all arrays back to system memory in the background: afterwards the device is empty, unless kernels have used it meanwhile.</summary>
    /// <param name="cancellationToken">As for a prefetch.</param>
    /// <returns>As of a prefetch.</returns>
    public ValueTask<PrefetchResult> EvictAsync(CancellationToken cancellationToken = default)
    {
        List<NativeInterval> intervals = [];
        List<ISharedAllocation> held = [];
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            foreach ((nint start, Allocation allocation) in _arrays)
            {
                if (!allocation.Array.TryGetTarget(out ISharedAllocation? array) || !array.TryHold())
                    continue;
                held.Add(array);
                intervals.Add(new NativeInterval { Pointer = start, Bytes = (ulong)allocation.Bytes });
            }
        }

        return StartPrefetch([.. intervals], held, MemoryLocation.System, null, cancellationToken);
    }

    /// <summary>Refuses a location that pages cannot be sent to.</summary>
    /// <param name="location">Where to.</param>
    private void CheckLocation(MemoryLocation location)
    {
        if (location != MemoryLocation.System && (location < 0 || MemoryLocations.DeviceOf(location) >= DeviceCount))
            throw new ArgumentOutOfRangeException(nameof(location), location, $"Prefetch moves pages to System, to Device, or to MemoryLocations.OfDevice(n); this memory has {DeviceCount} devices, counted from 0.");
    }

    /// <summary>What the activity of a prefetch is called.</summary>
    /// <param name="location">Where to.</param>
    /// <returns>Its name.</returns>
    private static string NameOf(MemoryLocation location) => location == MemoryLocation.System ? "gpusvm.evict" : "gpusvm.prefetch";

    /// <summary>Begins a prefetch and has it followed to its end.</summary>
    /// <param name="intervals">What to move.</param>
    /// <param name="held">The arrays, each held once; let go at the end, or here if it does not begin.</param>
    /// <param name="location">Where to.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="cancellationToken">When to cancel.</param>
    /// <returns>What was done.</returns>
    private unsafe ValueTask<PrefetchResult> StartPrefetch(
        NativeInterval[] intervals, IReadOnlyList<ISharedAllocation> held, MemoryLocation location, IProgress<PrefetchResult>? progress, CancellationToken cancellationToken)
    {
        Activity? activity = SvmActivities.Begin(NameOf(location));
        int status;
        ulong operation;
        // SAFETY: pinned during the call, which copies the list.
        fixed (NativeInterval* first = intervals)
            status = NativeMethods.gpusvm_prefetch_start(_handle, first, (ulong)intervals.Length, (uint)location, out operation);
        if (status != (int)StatusCode.Done)
        {
            Exception refused = NativeErrors.ExceptionFor(status);
            SvmActivities.End(activity, (StatusCode)status, refused.Message);
            foreach (ISharedAllocation array in held)
                array.Release();
            throw refused;
        }

        return new RunningPrefetch(operation, held, location, _logger, activity).FollowAsync(progress, cancellationToken);
    }
}
