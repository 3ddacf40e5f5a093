// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation.Tests;

/// <summary>Where the simulated program's next mapping goes: the lowest place that is free, aligned and long enough, or none.</summary>
public sealed class FindGapTests
{
    private const long Arena = (1L << 47) - 0x1000_0000_0000;
    private static readonly VirtualAddress _start = MappingList.ArenaStart;

    private readonly MappingList _list = new();

    /// <summary>In an empty arena everything begins at its start, whatever the size and alignment, up to the arena itself.</summary>
    [Theory]
    [InlineData(4096L, 0, true)]
    [InlineData(4096L, 9, true)]
    [InlineData(4096L, 30, true)]
    [InlineData(1L << 21, 9, true)]
    [InlineData((1L << 21) + 4096, 9, true)]
    [InlineData(1L << 40, 18, true)]
    [InlineData(Arena, 0, true)]
    [InlineData(Arena, 30, true)]
    [InlineData(Arena + 4096, 0, false)]
    [InlineData(1L << 47, 0, false)]
    [InlineData(long.MaxValue & ~4095L, 0, false)]
    [InlineData(long.MaxValue & ~4095L, 30, false)]
    public void AnEmptyArenaServesWhatFits(long bytes, int order, bool served) =>
        Assert.Equal(served ? AddressRange.OfBytes(_start, bytes) : null, _list.FindGap(bytes, new PageOrder((byte)order)));

    /// <summary>With the first page taken the place is the first multiple of the alignment.</summary>
    [Theory]
    [InlineData(0, 1L)]
    [InlineData(1, 2L)]
    [InlineData(4, 16L)]
    [InlineData(9, 512L)]
    [InlineData(18, 1L << 18)]
    [InlineData(30, 1L << 30)]
    public void AlignmentIsKept(int order, long page)
    {
        Map(0, 1);
        Assert.Equal(At(page), _list.FindGap(4096, new PageOrder((byte)order))!.Value.Start);
    }

    [Fact]
    public void TheLowestGapWinsNotTheBest()
    {
        Map(0, 10);
        Map(14, 6);
        Map(22, 8); // Gaps: 10 to 14, 20 to 22, from 30.
        Assert.Equal(At(10), Gap(1));
        Assert.Equal(At(10), Gap(2));
        Assert.Equal(At(10), Gap(4));
        Assert.Equal(At(30), Gap(5));
        Assert.Equal(At(12), Gap(2, order: 2));
        Assert.Equal(At(32), Gap(4, order: 4));
        Map(10, 4);
        Assert.Equal(At(20), Gap(1));
        Assert.Equal(At(20), Gap(2));
        Assert.Equal(At(30), Gap(3));
    }

    [Fact]
    public void MappingsBelowTheArenaCountOnlyWhereTheyReachIntoIt()
    {
        _list.Add(new SimulatedMapping(new AddressRange(new VirtualAddress(0x10000), new VirtualAddress(0x20000)), HostProtection.ReadWrite, IsAnonymous: true));
        Assert.Equal(_start, Gap(1));
        _list.Add(new SimulatedMapping(new AddressRange(_start - 8192, _start + 8192), HostProtection.ReadWrite, IsAnonymous: true));
        Assert.Equal(At(2), Gap(1));
    }

    [Fact]
    public void TheEndOfTheArenaIsUsedToItsLastPage()
    {
        long pages = Arena >> PageSize.Shift;
        Map(0, pages - 3);
        Assert.Equal(At(pages - 3), Gap(3));
        Assert.Null(_list.FindGap(4 * 4096, PageOrder.Small));
        Assert.Equal(At(pages - 2), Gap(1, order: 1)); // pages is even, and 3 before it is odd.
        Assert.Null(_list.FindGap(4096, PageOrder.Huge));
        Map(pages - 3, 3);
        Assert.Null(_list.FindGap(4096, PageOrder.Small));
        _list.Remove(AddressRange.OfPages(At(77), 1));
        Assert.Equal(At(77), Gap(1));
    }

    /// <summary>A small arena in use at random: the answer is the first place that a search page by page finds, and what was freed can be had again.</summary>
    [Fact]
    public void EveryAnswerIsTheOneThatASearchPageByPageFinds() =>
        Gen.Select(Gen.Bool, Gen.Int[0, 127], Gen.Int[1, 24], Gen.Int[0, 4]).Array[1, 80].Sample(steps =>
        {
            var list = new MappingList();
            var taken = new List<AddressRange>();
            foreach ((bool free, int pick, int pages, int order) in steps)
            {
                if (free && taken.Count > 0)
                {
                    AddressRange freed = taken[pick % taken.Count];
                    list.Remove(freed);
                    AddressRange? again = list.FindGap(freed.Bytes, PageOrder.Small);
                    Assert.True(again!.Value.Start <= freed.Start, "what was freed cannot be had again");
                    taken.Remove(freed);
                    continue;
                }

                var alignment = new PageOrder((byte)order);
                AddressRange expected = AddressRange.OfPages(_start, pages);
                while (taken.Exists(expected.Overlaps))
                    expected = AddressRange.OfPages(expected.Start + alignment.Bytes, pages);
                Assert.Equal(expected, list.FindGap((long)pages << PageSize.Shift, alignment));
                list.Add(new SimulatedMapping(expected, HostProtection.ReadWrite, IsAnonymous: true));
                taken.Add(expected);
            }
        }, iter: 300);

    private static VirtualAddress At(long page) => _start + (page << PageSize.Shift);

    private void Map(long page, long pages) => _list.Add(new SimulatedMapping(AddressRange.OfPages(At(page), pages), HostProtection.ReadWrite, IsAnonymous: true));

    private VirtualAddress Gap(long pages, int order = 0)
    {
        AddressRange found = _list.FindGap(pages << PageSize.Shift, new PageOrder((byte)order))!.Value;
        Assert.Equal(pages, found.Pages);
        return found.Start;
    }
}
