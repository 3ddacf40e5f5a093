// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Native;

/// <summary>What a session has allocated, and what it has attached: keeps the capacity, and tells a pointer of ours from any other number before anything acts on it.</summary>
/// <remarks>Locking: <see cref="_gate"/> guards the fields; the host address space is called outside of it.</remarks>
/// <param name="host">The host address space.</param>
/// <param name="capacityBytes">The most that may be allocated, in bytes.</param>
internal sealed class SessionHeap(HostAddressSpace host, long capacityBytes)
{
    private const ulong MaxAlignment = 1UL << 30;

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, AddressRange> _allocations = [];
    private readonly SortedSet<AddressRange> _sorted = new(Comparer<AddressRange>.Create(static (a, b) => a.Start.CompareTo(b.Start)));
    private long _bytes;

    /// <summary>What the program has attached: shared too, and none of the capacity.</summary>
    public SessionAttachments Attachments { get; } = new(host);

    /// <summary>Bytes allocated at this moment, in whole pages.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Allocates zeroed shared memory; throws a <see cref="SessionException"/> if that cannot be.</summary>
    /// <param name="bytes">At least 1.</param>
    /// <param name="alignment">A power of two, at most <see cref="MaxAlignment"/>.</param>
    /// <returns>The first byte: page aligned, 2 MiB aligned from 2 MiB on, and as asked for. What lies between the allocation's pages and it is never touched, and counts against the capacity.</returns>
    public VirtualAddress Allocate(ulong bytes, ulong alignment = 1)
    {
        if (!ulong.IsPow2(alignment) || alignment > MaxAlignment)
            throw new SessionException(SvmStatus.InvalidArgument, $"An alignment of {alignment} bytes is not possible: choose a power of two up to {MaxAlignment}.");
        if (bytes == 0)
            throw new SessionException(SvmStatus.InvalidArgument, "An allocation of 0 bytes is not possible: ask for at least 1.");
        long size = bytes > (ulong)capacityBytes ? capacityBytes + 1 : PageSize.PagesFor((long)bytes) * PageSize.Bytes + Slack(bytes, alignment);
        lock (_gate)
        {
            if (size > capacityBytes - _bytes)
            {
                throw new SessionException(
                    SvmStatus.OutOfHostMemory,
                    $"{bytes} bytes do not fit: {_bytes} of the capacity of {capacityBytes} bytes are allocated. Free some, or open the memory with a larger capacity.");
            }
            _bytes += size;
        }
        SvmStatus status = host.Allocate(size, out AddressRange interval);
        lock (_gate)
        {
            if (status == SvmStatus.Done)
            {
                var first = new VirtualAddress((interval.Start.Value + (alignment - 1)) & ~(alignment - 1));
                _allocations.Add(first.Value, interval);
                _sorted.Add(interval);
                _bytes += interval.Bytes - size;
                return first;
            }
            _bytes -= size;
        }
        throw new SessionException(status, $"{bytes} bytes of shared memory could not be allocated: {status.Describe()}. Free some, or open the memory with a larger capacity.");
    }

    /// <summary>How much larger an allocation must be, so that an aligned address with all bytes behind it lies in it.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="alignment">The alignment.</param>
    /// <returns>Bytes, whole pages.</returns>
    private static long Slack(ulong bytes, ulong alignment)
    {
        ulong natural = bytes >= PageSize.HugeBytes ? (ulong)PageSize.HugeBytes : PageSize.Bytes;
        return alignment <= natural ? 0 : (long)(alignment - natural);
    }

    /// <summary>Frees an allocation; throws a <see cref="SessionException"/> if it is not one.</summary>
    /// <param name="pointer">What <see cref="Allocate"/> gave.</param>
    public void Free(VirtualAddress pointer)
    {
        AddressRange interval;
        lock (_gate)
        {
            if (!_allocations.Remove(pointer.Value, out interval))
                throw new SessionException(SvmStatus.InvalidHandle, $"{pointer} is not an allocation of this memory: it was freed before, or never came from gpusvm_alloc.");
            _sorted.Remove(interval);
        }
        SvmStatus status = host.Free(interval);
        lock (_gate)
        {
            if (status == SvmStatus.Done)
            {
                _bytes -= interval.Bytes;
                return;
            }
            _allocations.Add(pointer.Value, interval);
            _sorted.Add(interval);
        }
        throw new SessionException(status, $"{interval} could not be freed: {status.Describe()}. It is still allocated.");
    }

    /// <summary>Checks that an interval lies inside one allocation, and widens it to whole pages.</summary>
    /// <param name="pointer">The first byte.</param>
    /// <param name="bytes">The length, at least 1.</param>
    /// <returns>The pages that hold it; throws a <see cref="SessionException"/> if it is not ours.</returns>
    public AddressRange Interval(VirtualAddress pointer, ulong bytes)
    {
        if (bytes is 0 or > long.MaxValue)
            throw new SessionException(SvmStatus.InvalidArgument, $"An interval of {bytes} bytes is not possible: give at least 1.");
        lock (_gate)
        {
            foreach (AddressRange allocation in _sorted.GetViewBetween(default, new AddressRange(pointer, pointer)).Reverse())
            {
                if (pointer < allocation.End && bytes <= (ulong)(allocation.End - pointer))
                    return AddressRange.OfBytes(pointer, (long)bytes).AlignOutward();
                break; // Allocations are disjoint: only the last one that starts at or below the pointer can hold it.
            }
        }
        if (bytes <= DeviceWindows.First && pointer.Value < DeviceWindows.First && AddressRange.OfBytes(pointer, (long)bytes).AlignOutward() is var interval && host.IsMapped(interval))
            return interval; // Attached, or moved out of an allocation by mremap.
        throw new SessionException(SvmStatus.NotMapped, $"{bytes} bytes from {pointer} on do not lie inside one allocation of this memory, nor in memory that was attached.");
    }
}
