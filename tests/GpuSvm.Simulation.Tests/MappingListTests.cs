// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation.Tests;

/// <summary>The list of mappings against one entry a page.</summary>
public sealed class MappingListTests
{
    private const int Pages = 64;

    [Fact]
    public void AddRemoveAndChangeAgreeWithAPageTable() =>
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, Pages - 1], Gen.Int[1, 16], Gen.Enum<HostProtection>()).Array[1, 60].Sample(steps =>
        {
            var list = new MappingList();
            var model = new HostProtection?[Pages];
            foreach ((int kind, int first, int length, HostProtection protection) in steps)
            {
                int end = Math.Min(first + length, Pages);
                var interval = new AddressRange(At(first), At(end));
                bool isFree = model.AsSpan(first, end - first).IndexOfAnyExcept((HostProtection?)null) < 0;
                Assert.Equal(!isFree, list.Meets(interval));
                Assert.Equal(!model.AsSpan(first, end - first).Contains(null), list.Covers(interval));
                if (kind == 0 && isFree)
                    list.Add(new SimulatedMapping(interval, protection, IsAnonymous: true));
                else if (kind == 1)
                    list.Remove(interval);
                else if (kind == 2)
                    Assert.Equal(list.Covers(interval), list.Change(interval, part => part with { Protection = protection }));
                for (int page = first; page < end && !(kind == 2 && model[page] is null); page++)
                    model[page] = kind == 0 ? (isFree ? protection : model[page]) : kind == 1 ? null : protection;
                Check(list, model);
            }
        }, iter: 500);

    [Fact]
    public void TheLowestGapThatFitsIsFound()
    {
        var list = new MappingList();
        AddressRange first = list.FindGap(4096, PageOrder.Small)!.Value;
        Assert.Equal(MappingList.ArenaStart, first.Start);
        list.Add(new SimulatedMapping(first, HostProtection.ReadWrite, IsAnonymous: true));
        AddressRange huge = list.FindGap(2 << 20, PageOrder.Huge)!.Value;
        Assert.Equal(MappingList.ArenaStart + (2 << 20), huge.Start);
        list.Add(new SimulatedMapping(huge, HostProtection.ReadWrite, IsAnonymous: true));
        Assert.Equal(first.End, list.FindGap(511 * 4096, PageOrder.Small)!.Value.Start);
        Assert.Equal(huge.End, list.FindGap(512 * 4096, PageOrder.Small)!.Value.Start);
        list.Remove(first);
        Assert.Equal(MappingList.ArenaStart, list.FindGap(4096, PageOrder.Small)!.Value.Start);
        Assert.Null(list.FindGap(MappingList.ArenaEnd - MappingList.ArenaStart, PageOrder.Small));
    }

    /// <summary>The address of a page of the small arena the model covers.</summary>
    private static VirtualAddress At(int page) => MappingList.ArenaStart + ((long)page << PageSize.Shift);

    /// <summary>Compares every page.</summary>
    private static void Check(MappingList list, HostProtection?[] model)
    {
        for (int page = 0; page < Pages; page++)
        {
            bool isMapped = list.TryFind(At(page), out SimulatedMapping mapping) && mapping.Interval.Contains(At(page));
            Assert.Equal(model[page], isMapped ? mapping.Protection : null);
        }
    }
}
