// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>Allocate, Free, TryFindMapping.</summary>
public abstract class HostAllocationConformance : HostMemoryConformance
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(4095, 1)]
    [InlineData(4096, 1)]
    [InlineData(4097, 2)]
    [InlineData(1 << 20, 256)]
    [InlineData((2 << 20) - 1, 512)]
    [InlineData(2 << 20, 512)]
    [InlineData((5 << 20) + 1, 1281)]
    public void AnAllocationIsWholePagesOfZeroes(long bytes, long pages) => Run(machine =>
    {
        Assert.Equal(SvmStatus.Done, machine.Memory.Allocate(bytes, out AddressRange interval));
        Assert.True(interval.IsPageAligned);
        Assert.Equal(pages, interval.Pages);
        if (bytes >= PageSize.HugeBytes)
            Assert.True(interval.Start.IsAligned(PageOrder.Huge));
        machine.AssertZero(interval);
        machine.CpuFill(interval);
        machine.AssertPattern(interval);
        Assert.Equal(SvmStatus.Done, machine.Memory.Free(interval));
    });

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void AnEmptySizeIsInvalid(long bytes) => Run(machine => Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.Allocate(bytes, out _)));

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(1L << 60)]
    [InlineData(1L << 47)]
    public void AnImpossibleSizeIsOutOfMemoryAndTheNextAllocationWorks(long bytes) => Run(machine =>
    {
        Assert.Equal(SvmStatus.OutOfHostMemory, machine.Memory.Allocate(bytes, out _));
        machine.CpuFill(machine.Allocate(1));
    });

    [Fact]
    public void TheMappingIsFoundFromEveryAddressInIt() => Run(machine =>
    {
        AddressRange small = machine.Allocate(3), large = machine.Allocate(1024);
        foreach (AddressRange interval in new[] { small, large })
        {
            foreach (VirtualAddress address in new[] { interval.Start, interval.Start + 1, interval.Start + PageSize.Bytes, interval.End - 1 })
            {
                Assert.True(machine.Memory.TryFindMapping(address, out HostMapping mapping));
                Assert.Equal(new HostMapping(interval, IsReadable: true, IsWritable: true, IsAnonymous: true), mapping);
            }
        }
    });

    [Fact]
    public void WhereNothingIsMappedTheNextMappingIsFound() => Run(machine =>
    {
        AddressRange low = machine.Allocate(8), high = machine.Allocate(8);
        if (low.Start > high.Start)
            (low, high) = (high, low);
        machine.Free(low);
        bool isFound = machine.Memory.TryFindMapping(low.Start, out HostMapping mapping);
        Assert.True(isFound);
        Assert.True(mapping.Interval.Start >= low.End && mapping.Interval.Start <= high.Start, $"found {mapping.Interval} for {low.Start}");
    });

    [Fact]
    public void NothingIsFoundAboveAllAddresses() => Run(machine =>
    {
        machine.Allocate(1);
        Assert.False(machine.Memory.TryFindMapping(new VirtualAddress(ulong.MaxValue), out _));
    });

    [Fact]
    public void FreeingTwiceIsAnInvalidHandle() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.Free(interval);
        Assert.Equal(SvmStatus.InvalidHandle, machine.Memory.Free(interval));
    });

    [Fact]
    public void FreeingWhatIsNotAnAllocationIsAnInvalidHandleAndHarmless() => Run(machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.CpuFill(interval);
        Assert.Equal(SvmStatus.InvalidHandle, machine.Memory.Free(AddressRange.OfPages(interval.Start, 3)));
        Assert.Equal(SvmStatus.InvalidHandle, machine.Memory.Free(AddressRange.OfPages(interval.Start + PageSize.Bytes, 3)));
        Assert.Equal(SvmStatus.InvalidHandle, machine.Memory.Free(AddressRange.OfPages(interval.Start, 5)));
        Assert.Equal(SvmStatus.InvalidHandle, machine.Memory.Free(default));
        machine.AssertPattern(interval);
    });

    [Fact]
    public void FreedMemoryComesBackAsZeroes() => Run(machine =>
    {
        for (int round = 0; round < 20; round++)
        {
            AddressRange interval = machine.Allocate(round % 2 == 0 ? 7 : 600);
            machine.AssertZero(interval);
            machine.CpuFill(interval, round);
            machine.Free(interval);
        }
    });

    [Fact]
    public void AllocationsAreDisjointAndKeepTheirBytes() => Run(machine =>
    {
        var intervals = new List<AddressRange>();
        for (int i = 0; i < 48; i++)
        {
            AddressRange interval = machine.Allocate(1 + i % 5);
            Assert.DoesNotContain(intervals, other => other.Overlaps(interval));
            intervals.Add(interval);
            machine.CpuFill(interval, i);
        }

        for (int i = 0; i < intervals.Count; i += 2)
            machine.Free(intervals[i]);
        for (int i = 1; i < intervals.Count; i += 2)
            machine.AssertPattern(intervals[i], i);
    });

    [Fact]
    public void ThreadsMayAllocateAtOnce() => Run(machine =>
    {
        var all = new AddressRange[4][];
        ProgramThread[] threads = [.. Enumerable.Range(0, all.Length).Select(thread => new ProgramThread(() =>
        {
            all[thread] = new AddressRange[50];
            for (int i = 0; i < all[thread].Length; i++)
                Assert.Equal(SvmStatus.Done, machine.Memory.Allocate((1 + i % 3) * PageSize.Bytes, out all[thread][i]));
        }))];
        foreach (ProgramThread thread in threads)
            thread.Join();
        AddressRange[] sorted = [.. all.SelectMany(intervals => intervals).OrderBy(interval => interval.Start)];
        for (int i = 1; i < sorted.Length; i++)
            Assert.True(sorted[i - 1].End <= sorted[i].Start, $"{sorted[i - 1]} and {sorted[i]} overlap");
        Assert.All(sorted, interval => Assert.Equal(SvmStatus.Done, machine.Memory.Free(interval)));
    });

    [Fact]
    public void WhenThePagesAreUsedUpTheFaultSaysSo() => RunWithPages(32, HostMemoryCapabilities.LazyZero | HostMemoryCapabilities.CpuFaults, machine =>
    {
        AddressRange interval = machine.Allocate(64);
        Assert.Equal(SvmStatus.OutOfHostMemory, ConformanceMachine.Retried(() => machine.Memory.Populate(interval, Core.Device.MemoryAccess.Write)));
        Assert.Equal(SvmStatus.Done, machine.Memory.Discard(interval));
        machine.CpuFill(AddressRange.OfPages(interval.Start, 16));
        machine.AssertPattern(AddressRange.OfPages(interval.Start, 16));
    });
}
