// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Core.Pagemaps;

/// <summary>Scratch of one migration to a device, which pages are there, which frame each of the others gets, which blocks those frames are of; or of one eviction. Pooled, so
/// that the fault path allocates nothing; used by one thread at a time.</summary>
internal sealed class Population
{
    private readonly DeviceAllocation?[] _blocks = new DeviceAllocation?[PageSize.PagesPerHuge];
    private readonly int[] _pages = new int[PageSize.PagesPerHuge]; // By block: the page of the interval that its first frame is for.

    /// <summary>The frame each page of the interval is to get; -1 for none.</summary>
    public int[] Frames { get; } = new int[PageSize.PagesPerHuge];

    /// <summary>Which pages were on the device already.</summary>
    public bool[] IsThere { get; } = new bool[PageSize.PagesPerHuge];

    /// <summary>Which pages are nowhere, as far as was looked: they will read as zeroes.</summary>
    public bool[] IsHole { get; } = new bool[PageSize.PagesPerHuge];

    /// <summary>Mappings of destination frames for the engine of a peer.</summary>
    public DeviceAddress[] PeerAddresses { get; } = new DeviceAddress[PageSize.PagesPerHuge];

    /// <summary>Frames to evict.</summary>
    public DeviceFrame[] Victims { get; } = new DeviceFrame[PageSize.PagesPerHuge];

    /// <summary>The interval's first address.</summary>
    public VirtualAddress Start { get; set; }

    /// <summary>The interval's length in pages.</summary>
    public int Length { get; private set; }

    /// <summary>How many blocks were taken.</summary>
    public int Blocks { get; private set; }

    /// <summary>Whether staging was short, so that only a part of what could have come has.</summary>
    public bool IsNarrowed { get; set; }

    /// <summary>Why the last block could not be had; done while all could.</summary>
    public SvmStatus Shortage { get; set; }

    /// <summary>A block that was taken.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <returns>The block, with the call's reference.</returns>
    public DeviceAllocation Block(int index) => _blocks[index]!;

    /// <summary>The first address that a block is for.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <returns>The address.</returns>
    public VirtualAddress StartOf(int index) => Start + ((long)_pages[index] << PageSize.Shift);

    /// <summary>Begins with nothing planned.</summary>
    /// <param name="pages">The interval's length.</param>
    public void Begin(int pages)
    {
        Length = pages;
        Array.Fill(Frames, -1, 0, pages);
        Array.Clear(IsThere, 0, pages);
        Array.Clear(IsHole, 0, pages);
        Shortage = SvmStatus.Done;
        IsNarrowed = false;
        Blocks = 0;
    }

    /// <summary>Plans a block for pages in a row.</summary>
    /// <param name="allocation">The block.</param>
    /// <param name="page">The page of the interval that its first frame is for.</param>
    public void Add(DeviceAllocation allocation, int page)
    {
        _pages[Blocks] = page;
        _blocks[Blocks++] = allocation;
        for (int i = 0; i < allocation.Order.Pages; i++)
            Frames[page + i] = allocation.First.Number + i;
    }

    /// <summary>The length of the run of pages from one on whose frames follow each other.</summary>
    /// <param name="page">The page.</param>
    /// <returns>Pages; 0 if it has no frame.</returns>
    public int FrameRun(int page)
    {
        int run = 0;
        while (page + run < Length && Frames[page + run] >= 0 && Frames[page + run] == Frames[page] + run)
            run++;
        return run;
    }

    /// <summary>How many pages are on the device already.</summary>
    /// <returns>Pages.</returns>
    public int CountThere()
    {
        int count = 0;
        for (int page = 0; page < Length; page++)
            count += IsThere[page] ? 1 : 0;
        return count;
    }

    /// <summary>Forgets the blocks; their references have been dropped.</summary>
    public void End()
    {
        Array.Clear(_blocks, 0, Blocks);
        Blocks = 0;
    }
}
