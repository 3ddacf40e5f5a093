// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation;

/// <content>What scenarios ask of a program's memory, where that is not said in the same words here.</content>
public sealed partial class SimulatedHostMemory
{
    /// <inheritdoc/>
    bool IProgramMemory.IsConcurrent => false;

    /// <inheritdoc/>
    SvmStatus IProgramMemory.CpuAdd(VirtualAddress address, long delta) => CpuAdd(address, delta, out _);

    /// <inheritdoc/>
    SvmStatus IProgramMemory.MapAnew(AddressRange interval) => Map(interval.Start, interval.Bytes);

    /// <inheritdoc/>
    bool IProgramMemory.TryUse(VirtualAddress address, DmaPointer pointer, Span<byte> bytes, bool writes) => TryUse(address, pointer, bytes, writes);

    /// <inheritdoc/>
    bool IProgramMemory.TryAdd(VirtualAddress address, DmaPointer pointer, long delta)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (!IsAtLocked(address, pointer))
            return false;
        Span<byte> there = _frames.Bytes(_pages.Read(address.PageNumber).Frame).Slice(OffsetInPage(address), sizeof(long));
        BitConverter.TryWriteBytes(there, BitConverter.ToInt64(there) + delta);
        return true;
    }

    /// <inheritdoc/>
    SvmStatus IProgramMemory.DmaCopyFrom(DmaPointer source, Span<byte> destination)
    {
        DmaRead(source, destination);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    SvmStatus IProgramMemory.DmaCopyTo(DmaPointer destination, ReadOnlySpan<byte> source)
    {
        DmaWrite(destination, source);
        return SvmStatus.Done;
    }

    /// <summary>Nothing is done by threads of the memory's own.</summary>
    void IProgramMemory.Settle()
    {
    }

    /// <summary>Whether the program has a page where it was when a translation was made.</summary>
    /// <param name="address">An address in it.</param>
    /// <param name="pointer">Where the translation leads for this address.</param>
    /// <returns>True if so.</returns>
    private bool IsAtLocked(VirtualAddress address, DmaPointer pointer)
    {
        _lock.AssertHeld();
        PageEntry entry = _pages.Read(address.PageNumber);
        return entry.IsPresent && _frames.PointerTo(entry.Frame) == pointer + -OffsetInPage(address);
    }
}
