// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Linux;

/// <summary>One block of the staging area. It exists once and is handed out again and again; what it holds decides which list it waits in.</summary>
internal sealed class StagingSlot : HostStaging
{
    private int _isOut;

    /// <summary>A slot at a place of the staging area.</summary>
    /// <param name="owner">The class it belongs to.</param>
    /// <param name="address">Its first byte.</param>
    /// <param name="order">Its order.</param>
    internal StagingSlot(StagingClass owner, ulong address, PageOrder order)
    {
        Owner = owner;
        Address = address;
        Order = order;
        Pointer = new DmaPointer((nint)address);
    }

    /// <summary>The class it belongs to.</summary>
    internal StagingClass Owner { get; }

    /// <summary>Its first byte.</summary>
    internal ulong Address { get; }

    /// <summary>The next slot of the list it waits in. Guarded by the class's lock.</summary>
    internal StagingSlot? Next { get; set; }

    /// <summary>Whether somebody has it.</summary>
    internal bool IsOut => Volatile.Read(ref _isOut) != 0; // Pairs with the exchanges below.

    /// <summary>Whether its pages came fresh from the kernel and read as zeroes.</summary>
    internal bool IsZeroed { get; set; }

    /// <summary>Whether a slot for whole huge pages has held small ones, so that its place must be made anew before it is used again.</summary>
    internal bool IsTainted { get; set; }

    /// <summary>Whether there are pages in it that must not be reused, whatever the marks say.</summary>
    internal bool MustDrop { get; set; }

    /// <summary>
    /// How many physical pages are in it. The marks do not say: who brings holes home unmarks pages that are there, and a page that was copied out
    /// stays.
    /// </summary>
    internal int PagesInside { get; set; }

    /// <summary>Stopwatch ticks that it took to put pages into it for who has it now; 0 if they were there.</summary>
    internal long FillTicks { get; set; }

    /// <summary>Whether a copy has left the pages that are in it.</summary>
    internal bool IsLeftByCopy { get; set; }

    /// <summary>Whether it is for whole huge pages.</summary>
    internal bool IsWhole => Owner.IsWhole;

    /// <summary>Where an interval's pages lie in the block: at their place in the interval that it was acquired for.</summary>
    /// <param name="interval">Whole pages.</param>
    /// <param name="offset">Bytes from the block's start.</param>
    /// <returns>False if the block was acquired for another interval, or given back.</returns>
    internal bool TryLocate(AddressRange interval, out long offset)
    {
        offset = interval.Start - Interval.Start;
        return interval.IsPageAligned && !interval.IsEmpty && IsOut && Interval.Contains(interval);
    }

    /// <summary>Whether somebody has it, and it has so many pages from one on.</summary>
    /// <param name="first">The first page's index.</param>
    /// <param name="pages">How many.</param>
    /// <returns>True if so.</returns>
    internal bool HasPages(int first, long pages) => IsOut && pages > 0 && first >= 0 && first + pages <= Order.Pages;

    /// <summary>Notes that somebody has it.</summary>
    /// <param name="interval">For which interval; gives offsets their meaning.</param>
    internal void Hand(AddressRange interval)
    {
        Interval = interval;
        Interlocked.Exchange(ref _isOut, 1); // Pairs with TryTakeBack.
    }

    /// <summary>Notes that nobody has it any more.</summary>
    /// <returns>False if nobody had it: it was given back before.</returns>
    internal bool TryTakeBack() => Interlocked.Exchange(ref _isOut, 0) != 0; // Pairs with Hand.
}
