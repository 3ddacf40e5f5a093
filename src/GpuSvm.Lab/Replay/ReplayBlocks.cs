// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Lab.Replay;

/// <summary>The blocks of a replay, by number, behind a small direct-mapped cache that also plays a TLB of 256 entries of 2 MiB.</summary>
/// <param name="devices">How many devices the machine has.</param>
internal sealed class ReplayBlocks(int devices)
{
    private const int Cached = 256; // A power of two.

    private readonly Dictionary<ulong, ReplayBlock> _blocks = [];
    private readonly ulong[] _cachedNumbers = new ulong[Cached]; // A block's number and 1; 0 for none.
    private readonly ReplayBlock[] _cachedBlocks = new ReplayBlock[Cached];
    private long _fills;


    /// <summary>Pages that have been accessed.</summary>
    public long TouchedPages { get; set; }

    /// <summary>The block of a page, made if need be.</summary>
    /// <param name="page">The page's number in the address space.</param>
    /// <returns>The block.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReplayBlock Of(ulong page)
    {
        ulong number = page >> PageOrder.Huge.Value;
        int slot = (int)number & (Cached - 1);
        return _cachedNumbers[slot] == number + 1 ? _cachedBlocks[slot] : Fill(number, slot);
    }

    /// <summary>The block of a page that a device accesses: where it has to be fetched, the device's TLB has lost it too.</summary>
    /// <param name="page">The page's number in the address space.</param>
    /// <returns>The block.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReplayBlock OfDevice(ulong page)
    {
        ulong number = page >> PageOrder.Huge.Value;
        int slot = (int)number & (Cached - 1);
        if (_cachedNumbers[slot] == number + 1)
            return _cachedBlocks[slot];
        _fills++;
        return Fill(number, slot);
    }

    /// <summary>How often the cache had to be filled for a device since this was asked last.</summary>
    /// <returns>How often.</returns>
    public long TakeFills()
    {
        long fills = _fills;
        _fills = 0;
        return fills;
    }

    /// <summary>A block, if there is one. Allocates nothing.</summary>
    /// <param name="number">Its number.</param>
    /// <returns>The block, or null.</returns>
    public ReplayBlock? Find(ulong number) => _blocks.GetValueOrDefault(number);

    /// <summary>Takes translations of a device away. Allocates nothing.</summary>
    /// <param name="device">The device.</param>
    /// <param name="interval">Of which pages.</param>
    public void DropTranslations(int device, AddressRange interval)
    {
        ulong end = interval.End.PageNumber;
        for (ulong page = interval.Start.PageNumber; page < end;)
        {
            ulong next = Math.Min(end, (page | (PageSize.PagesPerHuge - 1)) + 1);
            Find(page >> PageOrder.Huge.Value)?.Translations.AsSpan((device * PageSize.PagesPerHuge) + IndexOf(page), (int)(next - page)).Clear();
            page = next;
        }
    }

    /// <summary>Takes the CPU's access away, as far as the replay remembers it.</summary>
    /// <param name="interval">Of which pages.</param>
    public void DropCpu(AddressRange interval)
    {
        ulong end = interval.End.PageNumber;
        for (ulong page = interval.Start.PageNumber; page < end;)
        {
            ulong next = Math.Min(end, (page | (PageSize.PagesPerHuge - 1)) + 1);
            if (Find(page >> PageOrder.Huge.Value) is { } block)
            {
                foreach (ref PageMark mark in block.Pages.AsSpan(IndexOf(page), (int)(next - page)))
                    mark &= ~(PageMark.CpuReads | PageMark.CpuWrites);
            }

            page = next;
        }
    }

    /// <summary>A page's place in its block.</summary>
    /// <param name="page">The page's number.</param>
    /// <returns>0 to 511.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexOf(ulong page) => (int)page & (PageSize.PagesPerHuge - 1);

    /// <summary>Puts a block into the cache.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="slot">Its place there.</param>
    /// <returns>The block.</returns>
    private ReplayBlock Fill(ulong number, int slot)
    {
        if (!_blocks.TryGetValue(number, out ReplayBlock? block))
            _blocks.Add(number, block = new ReplayBlock(devices));
        (_cachedNumbers[slot], _cachedBlocks[slot]) = (number + 1, block);
        return block;
    }
}
