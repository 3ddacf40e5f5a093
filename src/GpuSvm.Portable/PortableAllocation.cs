// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Portable;

/// <summary>One allocation of plain memory: its place, and which of its pages a migration has taken away.</summary>
/// <remarks>Locking: the marks are guarded by the lock of the <see cref="PortableHostMemory"/> that owns it.</remarks>
internal sealed unsafe class PortableAllocation
{
    private readonly ulong[] _away;

    // What the allocator gave; the interval begins at the first boundary inside it.
    private void* _block;

    /// <summary>Wraps a block.</summary>
    /// <param name="block">What the allocator gave.</param>
    /// <param name="interval">The pages inside it.</param>
    private PortableAllocation(void* block, AddressRange interval)
    {
        _block = block;
        Interval = interval;
        _away = new ulong[(interval.Pages + 63) >> 6];
    }

    /// <summary>The page-aligned interval that the program uses.</summary>
    public AddressRange Interval { get; }

    /// <summary>Allocates pages that read as zeroes.</summary>
    /// <param name="pages">How many, at least 1.</param>
    /// <param name="alignment">Where the first may start.</param>
    /// <returns>The allocation, or null if the system has no more memory.</returns>
    public static PortableAllocation? TryCreate(long pages, PageOrder alignment)
    {
        long bytes = pages << PageSize.Shift;
        try
        {
            // Zeroed and then aligned by hand: fresh pages of the system are zero already, so a zeroing allocator leaves them untouched
            // until the program does, where an aligned allocation would have to be cleared, and so backed, at once.
            // SAFETY: the block is owned by the new object and freed once, in Release; the interval lies inside it.
            void* block = NativeMemory.AllocZeroed((nuint)(bytes + alignment.Bytes));
            VirtualAddress start = (new VirtualAddress((ulong)block) + (alignment.Bytes - 1)).AlignDown(alignment);
            return new PortableAllocation(block, AddressRange.OfBytes(start, bytes));
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    /// <summary>Whether a migration has taken a page away.</summary>
    /// <param name="page">The page's index in the interval.</param>
    /// <returns>True if its bytes are the client's.</returns>
    public bool IsAway(long page) => (_away[page >> 6] >> (int)(page & 63) & 1) != 0;

    /// <summary>Marks a page.</summary>
    /// <param name="page">The page's index in the interval.</param>
    /// <param name="away">Away, or at home.</param>
    public void SetAway(long page, bool away)
    {
        ulong bit = 1UL << (int)(page & 63);
        _away[page >> 6] = away ? _away[page >> 6] | bit : _away[page >> 6] & ~bit;
    }

    /// <summary>The bytes of a part of the interval.</summary>
    /// <param name="part">A part, at most 2 GiB.</param>
    /// <returns>The program's own bytes.</returns>
    public Span<byte> Bytes(AddressRange part)
    {
        ObjectDisposedException.ThrowIf(_block is null, this);
        if (!Interval.Contains(part))
            throw new ArgumentOutOfRangeException(nameof(part), $"{part} is not inside {Interval}.");
        // SAFETY: the part lies inside the block, which lives until Release; the owner's lock keeps Release away while the span is used.
        return new Span<byte>((void*)part.Start.Value, checked((int)part.Bytes));
    }

    /// <summary>Gives the memory back to the system. The program must not use it any more; called once.</summary>
    public void Release()
    {
        // SAFETY: _block came from AllocZeroed and is freed here only; it is cleared so that a second call frees nothing.
        NativeMemory.Free(_block);
        _block = null;
    }
}
