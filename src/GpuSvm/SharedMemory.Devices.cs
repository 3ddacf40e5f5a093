// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <content>What can be asked of one device without a kernel: where pages are, reading and writing through its page table, exclusive pages, eviction, counters.</content>
/// <remarks>Methods with an address take any memory that devices share: shared arrays, attached memory, and for reading and writing also what is used in place.</remarks>
public sealed partial class SharedMemory
{
    private const int FirstRuns = 64;          // Room that a query begins with.
    private const uint EveryDevice = uint.MaxValue; // GPUSVM_EVERY_DEVICE.

    /// <summary>How many devices there are; they are counted from 0.</summary>
    public int DeviceCount { get; }

    /// <summary>What one device is and what it has done.</summary>
    /// <param name="device">Its number, 0 to <see cref="DeviceCount"/> - 1.</param>
    /// <returns>Its counters at this moment.</returns>
    public DeviceStatistics StatisticsOf(int device)
    {
        CheckDevice(device);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return NativeQueries.Device(_handle, device);
    }

    /// <summary>Where the pages of an array are; otherwise as the overload with an address.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="device">As there.</param>
    /// <returns>As there.</returns>
    public PageRun[] Query<T>(SharedArray<T> array, int device = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        return Query(array.Address, array.LengthInBytes, device);
    }

    /// <summary>A snapshot of an interval as one device sees it: where its pages are, whether the device may write them, how large they are mapped. Nothing is touched or moved for it; what moves meanwhile is told of at one of its places.</summary>
    /// <param name="address">The first byte; any address, mapped or not, widened to whole pages.</param>
    /// <param name="bytes">The length, up to 1 TiB; the result is empty for 0.</param>
    /// <param name="device">The device whose eyes it is seen with.</param>
    /// <returns>Runs of pages in address order, without gaps.</returns>
    /// <exception cref="SharedMemoryException"><see cref="StatusCode.Busy"/>: mappings kept changing; ask again.</exception>
    public unsafe PageRun[] Query(nint address, nint bytes, int device = 0)
    {
        CheckDevice(device);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (bytes == 0)
            return [];
        var runs = new PageRun[FirstRuns];
        while (true)
        {
            ulong count;
            // SAFETY: pinned during the call, which writes at most its length.
            fixed (PageRun* buffer = runs)
                NativeErrors.Check(NativeMethods.gpusvm_query(_handle, (uint)device, address, (ulong)bytes, buffer, (uint)sizeof(PageRun), (ulong)runs.Length, out count));
            if (count <= (ulong)runs.Length)
                return runs[..(int)count];
            runs = new PageRun[count + FirstRuns]; // Pages may be on their way: a few more than there were.
        }
    }

    /// <summary>Reads elements of an array as a device sees it; otherwise as the overload with an address.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="start">The first element's index.</param>
    /// <param name="destination">As there.</param>
    /// <param name="device">As there.</param>
    public void DeviceRead<T>(SharedArray<T> array, nint start, Span<T> destination, int device = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        DeviceRead(array.AddressOf(start, destination.Length), destination, device);
    }

    /// <summary>Reads through a device's page table, as a DMA engine or a debugger would: with faults, and pages come to the device as for a kernel's access. Works while all units are busy; on portable memory it waits for the launches started before it.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="address">The first element's address; any alignment.</param>
    /// <param name="destination">Any memory of the program, shared memory too.</param>
    /// <param name="device">The device's number.</param>
    /// <exception cref="KernelAccessException">An address could not be read; everything before it was.</exception>
    public unsafe void DeviceRead<T>(nint address, Span<T> destination, int device = 0)
        where T : unmanaged
    {
        CheckTransfer(device);
        int status;
        ulong failedAt;
        // SAFETY: pinned during the call, which writes at most its length.
        fixed (T* pointer = destination)
            status = NativeMethods.gpusvm_device_read(_handle, (uint)device, (ulong)address, pointer, (ulong)destination.Length * (ulong)sizeof(T), out failedAt);
        CheckTransferred(status, failedAt, KernelAccess.Read);
    }

    /// <summary>Writes elements of an array as a device does; otherwise as the overload with an address.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="start">The first element's index.</param>
    /// <param name="source">As there.</param>
    /// <param name="device">As there.</param>
    public void DeviceWrite<T>(SharedArray<T> array, nint start, ReadOnlySpan<T> source, int device = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        DeviceWrite(array.AddressOf(start, source.Length), source, device);
    }

    /// <summary>Writes through a device's page table; otherwise as <see cref="DeviceRead{T}(nint, Span{T}, int)"/>.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="address">The first element's address; any alignment.</param>
    /// <param name="source">Any memory of the program, shared memory too.</param>
    /// <param name="device">The device's number.</param>
    /// <exception cref="KernelAccessException">An address could not be written; everything before it was.</exception>
    public unsafe void DeviceWrite<T>(nint address, ReadOnlySpan<T> source, int device = 0)
        where T : unmanaged
    {
        CheckTransfer(device);
        int status;
        ulong failedAt;
        // SAFETY: pinned during the call, which reads at most its length.
        fixed (T* pointer = source)
            status = NativeMethods.gpusvm_device_write(_handle, (uint)device, (ulong)address, pointer, (ulong)source.Length * (ulong)sizeof(T), out failedAt);
        CheckTransferred(status, failedAt, KernelAccess.Write);
    }

    /// <summary>Makes elements of an array a device's alone; otherwise as the overload with an address.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="start">The first element's index.</param>
    /// <param name="length">How many elements, at least 1; the pages that hold them are taken whole.</param>
    /// <param name="device">As there.</param>
    /// <returns>As there.</returns>
    public unsafe nint MakeExclusive<T>(SharedArray<T> array, nint start, nint length, int device = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        return MakeExclusive(array.AddressOf(start, length), length * sizeof(T), device);
    }

    /// <summary>Takes pages from the CPU, so that atomic operations of a device hold against everyone. They stay where they are; a CPU touch takes a page back. Needs real memory.</summary>
    /// <param name="address">The first byte; any piece of shared memory, widened to whole pages.</param>
    /// <param name="bytes">The length, at least 1.</param>
    /// <param name="device">The device's number.</param>
    /// <returns>The bytes that are the device's alone now: at most 16 MiB of system memory can be, the oldest are given back.</returns>
    public nint MakeExclusive(nint address, nint bytes, int device = 0)
    {
        CheckDevice(device);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        ObjectDisposedException.ThrowIf(_disposed, this);
        NativeErrors.Check(NativeMethods.gpusvm_make_exclusive(_handle, (uint)device, address, (ulong)bytes, out ulong exclusive));
        return (nint)exclusive;
    }

    /// <summary>Pushes everything that a device holds back to system memory now.</summary>
    /// <param name="device">The device's number; null for all devices.</param>
    /// <returns>The bytes that came home.</returns>
    /// <exception cref="SharedMemoryException">Some pages stayed, with their bytes; the rest came home.</exception>
    public nint Evict(int? device = null) => EvictInterval(0, 0, device);

    /// <summary>Pushes those pages of an array that are on a device back to system memory now.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="device">The device's number; null for all devices.</param>
    /// <returns>The bytes of it that came home; blocks that hold a part of it come whole.</returns>
    /// <exception cref="SharedMemoryException">Some pages stayed, with their bytes; the rest came home.</exception>
    public nint Evict<T>(SharedArray<T> array, int? device = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        nint bytes = array.LengthInBytes;
        return bytes == 0 ? 0 : EvictInterval(array.Address, bytes, device);
    }

    /// <summary>Pushes pages back to system memory.</summary>
    /// <param name="address">The first byte; 0 with 0 bytes for everything.</param>
    /// <param name="bytes">The length.</param>
    /// <param name="device">The device's number; null for all devices.</param>
    /// <returns>The bytes that came home.</returns>
    private nint EvictInterval(nint address, nint bytes, int? device)
    {
        if (device is { } number)
            CheckDevice(number);
        ObjectDisposedException.ThrowIf(_disposed, this);
        NativeErrors.Check(NativeMethods.gpusvm_evict(_handle, device is { } one ? (uint)one : EveryDevice, address, (ulong)bytes, out ulong moved));
        return (nint)moved;
    }

    /// <summary>Refuses the number of a device that does not exist.</summary>
    /// <param name="device">The number.</param>
    private void CheckDevice(int device)
    {
        if (device < 0 || device >= DeviceCount)
            throw new ArgumentOutOfRangeException(nameof(device), device, $"There is no device {device}: this memory has {DeviceCount}, counted from 0.");
    }

    /// <summary>Refuses a transfer that cannot be: by a device that does not exist, or from within a kernel, which would wait for itself on portable memory.</summary>
    /// <param name="device">The device's number.</param>
    private void CheckTransfer(int device)
    {
        CheckDevice(device);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (ManagedKernel.IsInside)
            throw new InvalidOperationException("A kernel cannot start a transfer: it reads and writes by its KernelContext.");
    }

    /// <summary>Turns the answer to a transfer into an exception.</summary>
    /// <param name="status">The library's answer.</param>
    /// <param name="failedAt">The address that failed; 0 if it did not begin.</param>
    /// <param name="access">What was wanted there.</param>
    private static void CheckTransferred(int status, ulong failedAt, KernelAccess access)
    {
        if (status == (int)StatusCode.Done)
            return;
        if (failedAt == 0)
            throw NativeErrors.ExceptionFor(status);
        throw new KernelAccessException((nint)failedAt, access, (StatusCode)status, NativeErrors.LastError(status));
    }
}
