// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Device;

/// <summary>The memory of a simulated GPU. A frame that is given back is filled with rubbish, and whoever uses it before it is taken again is caught.</summary>
/// <param name="number">The device's number.</param>
/// <param name="pages">Its size in pages.</param>
/// <remarks>Locking: one lock of rank DeviceMemory. Bytes are used without it; each use is a schedule point of this object.</remarks>
public sealed class SimulatedGpuMemory(int number, int pages) : IDeviceMemory, IScheduleSubject
{
    private const byte FreedByte = 0xDE;

    private readonly RankedLock _lock = new(LockRank.DeviceMemory, "simulated GPU memory");
    private readonly byte[] _bytes = new byte[pages << PageSize.Shift];
    private readonly bool[] _taken = new bool[pages]; // Guarded by _lock; looked at by units without it.
    private int _free = pages; // Guarded by _lock.
    private bool _isGone; // Set once, by a thread in its turn.

    /// <inheritdoc/>
    public string ScheduleName => $"memory of GPU {number}";

    /// <inheritdoc/>
    public int Pages => _taken.Length;

    /// <inheritdoc/>
    public int FreePages
    {
        get
        {
            using (_lock.Enter())
                return _free;
        }
    }

    /// <inheritdoc/>
    public SvmStatus Allocate(PageOrder order, out DeviceFrame first)
    {
        first = default;
        using (_lock.Enter())
        {
            for (int frame = 0; frame + order.Pages <= _taken.Length; frame += order.Pages)
            {
                if (_taken.AsSpan(frame, order.Pages).Contains(true))
                    continue;
                _taken.AsSpan(frame, order.Pages).Fill(true);
                _free -= order.Pages;
                first = new DeviceFrame(frame);
                return SvmStatus.Done;
            }
        }

        return SvmStatus.OutOfDeviceMemory;
    }

    /// <inheritdoc/>
    public void Free(DeviceFrame first, PageOrder order) => FreePart(first, order.Pages);

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A frame is not taken.</exception>
    public void FreePart(DeviceFrame first, int pages)
    {
        using (_lock.Enter())
        {
            if (_taken.AsSpan(first.Number, pages).Contains(false))
                throw new InvalidOperationException($"Frames {first.Number} to {first.Number + pages - 1} of GPU {number} are given back, and not all of them are taken.");
            _taken.AsSpan(first.Number, pages).Clear();
            _bytes.AsSpan(first.Number << PageSize.Shift, pages << PageSize.Shift).Fill(FreedByte);
            _free += pages;
        }
    }

    /// <inheritdoc/>
    public bool TakeUse(DeviceFrame first, int pages) => false;

    /// <summary>The device is gone: from now on whoever copies or uses its memory is caught.</summary>
    internal void Vanish() => _isGone = true;

    /// <summary>The bytes of taken frames, for copies.</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="pages">How many.</param>
    /// <returns>The bytes.</returns>
    /// <exception cref="ScheduleFailedException">A frame is not taken.</exception>
    internal Span<byte> Bytes(DeviceFrame first, int pages)
    {
        SchedulePoint.Reach(SchedulePointKind.Atomic, this);
        ThrowIfFree(first.Number, pages, "copied");
        return _bytes.AsSpan(first.Number << PageSize.Shift, pages << PageSize.Shift);
    }

    /// <summary>A unit reads, writes or adds to a 64-bit number of one frame; each of them atomically.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="offset">The first byte in it, 8-byte aligned.</param>
    /// <param name="access">What is done; an atomic adds.</param>
    /// <param name="value">What is written or added; receives what is read.</param>
    /// <exception cref="ScheduleFailedException">The frame is not taken.</exception>
    internal void Use(int frame, int offset, MemoryAccess access, ref long value)
    {
        ThrowIfFree(frame, 1, "used by a unit");
        ref long there = ref MemoryMarshal.AsRef<long>(_bytes.AsSpan((frame << PageSize.Shift) + offset, sizeof(long)));
        if (access == MemoryAccess.Read)
            value = Volatile.Read(ref there); // With the other two: what units write to one number is seen in one order by all.
        else if (access == MemoryAccess.Write)
            Volatile.Write(ref there, value);
        else
            Interlocked.Add(ref there, value);
    }

    /// <summary>Ends the schedule if a frame is nobody's, or its device is gone.</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="count">How many.</param>
    /// <param name="how">What is being done to it.</param>
    private void ThrowIfFree(int first, int count, string how)
    {
        if (_isGone)
            throw new ScheduleFailedException(new ScheduleFailure(ScheduleFailureKind.LostByte, $"frame {first} of GPU {number} is {how} after the device was unplugged"));
        if (_taken.AsSpan(first, count).Contains(false))
            throw new ScheduleFailedException(new ScheduleFailure(ScheduleFailureKind.LostByte, $"frame {first} of GPU {number} is {how}, and it is nobody's: it was given back before"));
    }
}
