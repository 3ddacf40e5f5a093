// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>The map of advice: defaults, cutting and joining at edges, transactions, and a long run against one entry a page.</summary>
public sealed class MemoryAttributesTests
{
    private const ulong FirstPage = 0x7000_0000;
    private static readonly MemoryAdvice _ram = new() { Preferred = PreferredLocation.System };
    private static readonly MemoryAdvice _device = new() { Preferred = PreferredLocation.OnDevice(2) };
    private static readonly MemoryAdvice _stays = new() { NeverMigrate = true };

    private readonly RankedReaderWriterLock _lock = new(LockRank.Vm, "test");
    private readonly MemoryAttributes _attributes;

    public MemoryAttributesTests() => _attributes = new MemoryAttributes(_lock);

    /// <summary>Nothing was said: no place is preferred, nobody is named, no atomics are asked for, nothing limits the range.</summary>
    [Fact]
    public void MemoryOfWhichNothingWasSaidHasTheDefault()
    {
        MemoryAdvice advice = Find(5);
        Assert.True(advice.IsDefault);
        Assert.True(advice.Preferred.IsNone);
        Assert.Null(advice.Preferred.Device);
        Assert.Equal((0UL, AtomicMode.Undefined, null), (advice.AccessedBy, advice.Atomics, (int?)advice.Granularity?.Value));
        Assert.Equal((false, false, false, false, 0L), (advice.IsReadMostly, advice.NeverMigrate, advice.IsPinned, advice.StaysInRam, advice.MaxChunkBytes));
        Assert.Equal(0, _attributes.RunCount);
        Assert.Equal([(0, 8, default)], Query(0, 8));
    }

    /// <summary>Every attribute of one page reads back, its neighbours do not change, and each can be set without touching the others.</summary>
    [Fact]
    public void WhatIsSetOnOnePageReadsBackAndTheNextPageHasNothing()
    {
        Set(5, 1, advice => advice with { Preferred = PreferredLocation.OnDevice(63) });
        Set(5, 1, advice => advice with { AccessedBy = 0b1010 });
        Set(5, 1, advice => advice with { Atomics = AtomicMode.Global });
        Set(5, 1, advice => advice with { Granularity = new PageOrder(0x3F) });
        Set(5, 1, advice => advice with { IsReadMostly = true, IsPinned = true });
        MemoryAdvice advice = Find(5);
        Assert.Equal(63, advice.Preferred.Device);
        Assert.Equal((0b1010UL, AtomicMode.Global, 0x3F), (advice.AccessedBy, advice.Atomics, advice.Granularity!.Value.Value));
        Assert.Equal((true, false, true), (advice.IsReadMostly, advice.NeverMigrate, advice.IsPinned));
        Assert.True(Find(4).IsDefault);
        Assert.True(Find(6).IsDefault);
        Assert.Equal(1, _attributes.RunCount);
        Set(5, 1, _ => default);
        Assert.Equal(0, _attributes.RunCount);
    }

    [Theory]
    [InlineData(0, 4096L)]
    [InlineData(4, 65536L)]
    [InlineData(8, 1L << 20)]
    [InlineData(9, 0L)] // A range is never larger anyway.
    [InlineData(63, 0L)]
    public void AGranularityLimitsTheRange(int order, long bytes) =>
        Assert.Equal(bytes, new MemoryAdvice { Granularity = new PageOrder((byte)order) }.MaxChunkBytes);

    [Fact]
    public void AGranularityThatIsNoneChangesNothing()
    {
        Set(0, 4, _ => _ram);
        Assert.Equal(SvmStatus.InvalidArgument, TrySet(Of(2, 4), advice => advice with { Granularity = advice.IsDefault ? new PageOrder(64) : null }, out AddressRange changed));
        Assert.True(changed.IsEmpty);
        Assert.Equal([(0, 4, _ram), (4, 4, default)], Query(0, 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => PreferredLocation.OnDevice(64));
        Assert.Throws<ArgumentOutOfRangeException>(() => PreferredLocation.OnDevice(-1));
    }

    [Fact]
    public void AnIntervalThatIsNoneIsRefused()
    {
        Assert.Equal(SvmStatus.InvalidArgument, TrySet(Of(3, 0), _ => _ram, out _));
        Assert.Equal(SvmStatus.InvalidArgument, TrySet(AddressRange.OfBytes(At(3), 100), _ => _ram, out _));
        Assert.Equal(SvmStatus.InvalidArgument, TrySet(AddressRange.OfBytes(At(3) + 8, 4096), _ => _ram, out _));
        Assert.Equal(0, _attributes.RunCount);
    }

    /// <summary>Halves and quarters set over each other, as a driver's page-attribute index: every part answers with what was set on it last.</summary>
    [Fact]
    public void OverlappingHalvesAndQuartersAnswerWithTheLastThatWasSet()
    {
        Set(0, 16, _ => _ram);
        Assert.Equal([(0, 16, _ram)], Query(0, 16));
        Set(0, 8, _ => _device); // First half.
        Set(4, 8, _ => _stays); // Middle half.
        Assert.Equal([(0, 4, _device), (4, 8, _stays), (12, 4, _ram)], Query(0, 16));
        Set(6, 4, _ => _ram); // Middle quarter.
        Assert.Equal([(0, 4, _device), (4, 2, _stays), (6, 4, _ram), (10, 2, _stays), (12, 4, _ram)], Query(0, 16));
        Set(10, 2, _ => _ram); // Joins both sides.
        Assert.Equal([(0, 4, _device), (4, 2, _stays), (6, 10, _ram)], Query(0, 16));
        Set(2, 12, advice => advice with { IsReadMostly = true });
        Assert.Equal(
            [(0, 2, _device), (2, 2, _device with { IsReadMostly = true }), (4, 2, _stays with { IsReadMostly = true }), (6, 8, _ram with { IsReadMostly = true }), (14, 2, _ram)],
            Query(0, 16));
        Set(0, 16, _ => _device);
        Assert.Equal([(0, 16, _device)], Query(0, 16));
        Assert.Equal(1, _attributes.RunCount);
    }

    /// <summary>Where pages may move and where not, over runs that touch, that have gaps, and that are cut: a walk meets each border once.</summary>
    [Fact]
    public void AWalkMeetsEveryBorderOnce()
    {
        Set(2, 2, _ => _stays);
        Set(4, 2, _ => _ram);
        Set(8, 1, _ => _stays);
        Assert.Equal([(0, 2, default), (2, 2, _stays), (4, 2, _ram), (6, 2, default), (8, 1, _stays), (9, 3, default)], Query(0, 12));
        Assert.Equal([(3, 1, _stays), (4, 1, _ram)], Query(3, 2));
        Assert.Equal([(6, 1, default)], Query(6, 1));
        Assert.Equal((2, 2, _stays), Run(3));
        Assert.Equal((6, 2, default), Run(7));
        Set(3, 1, _ => default); // Cut.
        Assert.Equal([(2, 1, _stays), (3, 1, default), (4, 2, _ram)], Query(2, 4));
        Set(6, 2, _ => _stays); // Fill: joins with 8.
        Assert.Equal([(4, 2, _ram), (6, 3, _stays)], Query(4, 5));
        Assert.Equal((6, 3, _stays), Run(6));
        using (_lock.EnterRead())
        {
            Assert.Equal(default, _attributes.FindRunLocked(default).Interval.Start);
            Assert.Equal(At(9), _attributes.FindRunLocked(At(1000)).Interval.Start);
        }
    }

    [Fact]
    public void WhatChangedIsToldAndNothingIsWhereEverythingWasSo()
    {
        Set(0, 4, _ => _ram);
        Set(8, 4, _ => _ram);
        Assert.Equal(SvmStatus.Done, TrySet(Of(0, 12), _ => _ram, out AddressRange changed));
        Assert.Equal(Of(4, 4), changed);
        Assert.Equal(SvmStatus.Done, TrySet(Of(0, 12), _ => _ram, out changed));
        Assert.True(changed.IsEmpty);
        Assert.Equal(SvmStatus.Done, TrySet(Of(4, 2), _ => default, out changed));
        Assert.Equal(Of(4, 2), changed);
        Assert.Equal([(0, 4, _ram), (4, 2, default), (6, 6, _ram)], Query(0, 12));
    }

    /// <summary>At every allocation in turn: the change fails whole, and succeeds when it is tried again.</summary>
    [Fact]
    public void AChangeThatFindsNoMemoryChangesNothing()
    {
        Set(0, 4, _ => _ram);
        Set(6, 4, _ => _device);
        List<(int, int, MemoryAdvice)> before = Query(0, 12);
        int failures = 0;
        for (int nth = 1; nth < 100; nth++)
        {
            Injection.Reset();
            Injection.Arm(InjectionPoint.AttributeAllocate, nth);
            SvmStatus status = TrySet(Of(2, 6), _ => _stays, out AddressRange changed);
            if (status == SvmStatus.Done)
                break;
            failures++;
            Assert.Equal(SvmStatus.OutOfHostMemory, status);
            Assert.True(changed.IsEmpty);
            Assert.Equal(before, Query(0, 12));
        }

        Injection.Reset();
        Assert.Equal(3, failures);
        Assert.Equal([(0, 2, _ram), (2, 6, _stays), (8, 2, _device), (10, 2, default)], Query(0, 12));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AdviceOutlivesAnUnmapUnlessItIsToBeReset(bool reset)
    {
        var attributes = new MemoryAttributes(_lock, reset);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        Assert.Equal(reset, attributes.ResetsOnUnmap);
        Assert.Equal(SvmStatus.Done, attributes.SetLocked(Of(0, 8), _ => _ram, out _));
        Assert.Equal(SvmStatus.Done, attributes.UnmappedLocked(Of(2, 2)));
        Assert.Equal(reset ? 2 : 1, attributes.RunCount);
        Assert.Equal(reset ? default : _ram, attributes.FindLocked(At(3)));
        Assert.Equal(_ram, attributes.FindLocked(At(1)));
        Assert.Equal(_ram, attributes.FindLocked(At(4)));
    }

    [Fact]
    public void AskingAndChangingNeedTheLock()
    {
        Assert.Throws<LockOrderException>(() => _attributes.FindLocked(At(0)));
        using (_lock.EnterRead())
            Assert.Throws<LockOrderException>(() => _attributes.SetLocked(Of(0, 1), _ => _ram, out _));
    }

    [Fact]
    public void AskingAllocatesNothing()
    {
        for (int page = 0; page < 1000; page += 2)
            Set(page, 1, _ => _ram);
        using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
        int found = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int page = 0; page < 1000; page++)
            found += _attributes.FindLocked(At(page)).StaysInRam ? 1 : 0;
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(500, found);
    }

    /// <summary>One entry a page, changed field by field: every query agrees, runs are as long as they can be, and what changed is told.</summary>
    [Fact]
    public void EveryHistoryOfChangesAnswersAsATableOfPagesDoes() =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 59], Gen.Int[1, 30], Gen.Int[0, 3]).Array[1, 60].Sample(steps =>
        {
            var vmLock = new RankedReaderWriterLock(LockRank.Vm, "model");
            var attributes = new MemoryAttributes(vmLock, resetOnUnmap: true);
            var model = new MemoryAdvice[100];
            using RankedReaderWriterLock.WriteScope scope = vmLock.EnterWrite();
            foreach ((int field, int page, int pages, int value) in steps)
            {
                MemoryAdvice[] old = [.. model];
                for (int i = page; i < page + pages; i++)
                    model[i] = Change(model[i], field, value);
                Assert.Equal(SvmStatus.Done, attributes.SetLocked(Of(page, pages), advice => Change(advice, field, value), out AddressRange changed));
                int[] different = [.. Enumerable.Range(0, model.Length).Where(i => model[i] != old[i])];
                Assert.Equal(different.Length == 0 ? Of(page, 0) : Of(different[0], different[^1] - different[0] + 1), changed);
                var runs = new List<AttributeRun>();
                attributes.QueryLocked(Of(0, model.Length), runs);
                int at = 0;
                foreach (AttributeRun run in runs)
                {
                    Assert.Equal(At(at), run.Interval.Start);
                    Assert.True(at == 0 || model[at - 1] != model[at], "two runs of one advice touch");
                    for (int end = at + (int)run.Interval.Pages; at < end; at++)
                        Assert.Equal((model[at], model[at]), (run.Advice, attributes.FindLocked(At(at) + 17)));
                }

                Assert.Equal(model.Length, at);
                Assert.Equal(runs.Count(run => !run.Advice.IsDefault), attributes.RunCount);
            }
        }, iter: 300);

    private static MemoryAdvice Change(MemoryAdvice advice, int field, int value) => field switch
    {
        0 => advice with { Preferred = value == 0 ? PreferredLocation.None : value == 1 ? PreferredLocation.System : PreferredLocation.OnDevice(value) },
        1 => advice with { AccessedBy = advice.AccessedBy ^ (1UL << value) },
        2 => advice with { Atomics = (AtomicMode)value },
        3 => advice with { Granularity = value == 0 ? null : new PageOrder((byte)value) },
        4 => advice with { NeverMigrate = value > 1, IsReadMostly = value % 2 == 1 },
        _ => default,
    };

    private static VirtualAddress At(int page) => VirtualAddress.OfPage(FirstPage + (ulong)page);

    private static AddressRange Of(int page, int pages) => AddressRange.OfPages(At(page), pages);

    private MemoryAdvice Find(int page)
    {
        using (_lock.EnterRead())
            return _attributes.FindLocked(At(page) + 4095);
    }

    private (int Page, int Pages, MemoryAdvice Advice) Run(int page)
    {
        using (_lock.EnterRead())
            return Describe(_attributes.FindRunLocked(At(page)));
    }

    private List<(int Page, int Pages, MemoryAdvice Advice)> Query(int page, int pages)
    {
        var runs = new List<AttributeRun>();
        using (_lock.EnterRead())
            _attributes.QueryLocked(Of(page, pages), runs);
        return runs.ConvertAll(Describe);
    }

    private static (int Page, int Pages, MemoryAdvice Advice) Describe(AttributeRun run) =>
        ((int)(run.Interval.Start.PageNumber - FirstPage), (int)run.Interval.Pages, run.Advice);

    private void Set(int page, int pages, Func<MemoryAdvice, MemoryAdvice> change) => Assert.Equal(SvmStatus.Done, TrySet(Of(page, pages), change, out _));

    private SvmStatus TrySet(AddressRange interval, Func<MemoryAdvice, MemoryAdvice> change, out AddressRange changed)
    {
        using (_lock.EnterWrite())
            return _attributes.SetLocked(interval, change, out changed);
    }
}
