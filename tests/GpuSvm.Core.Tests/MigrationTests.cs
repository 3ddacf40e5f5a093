// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>One pointer, two sides: what each sees of the other's writes while pages move.</summary>
public class MigrationTests
{
    /// <summary>Device addresses, if the device stands behind an IOMMU.</summary>
    private protected virtual long IommuBytes => 0;

    /// <summary>The same behind an IOMMU.</summary>
    public sealed class BehindIommu : MigrationTests
    {
        private protected override long IommuBytes => 32 << 20;
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(65536)]
    [InlineData(2 << 20)]
    [InlineData((4 << 20) + 8192)]
    public void WhatTheCpuWroteTheGpuReadsAndTheOtherWayRound(int bytes)
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(bytes);
        for (VirtualAddress at = memory.Start; at < memory.End; at += PageSize.Bytes)
            machine.CpuStore(at, (long)at.Value);
        for (VirtualAddress at = memory.Start; at < memory.End; at += PageSize.Bytes)
        {
            Assert.Equal((long)at.Value, machine.GpuLoad(at));
            machine.GpuStore(at + 8, ~(long)at.Value);
            Assert.True(machine.IsOnDevice(at));
        }

        machine.Check();
        for (VirtualAddress at = memory.Start; at < memory.End; at += PageSize.Bytes)
        {
            Assert.Equal(~(long)at.Value, machine.CpuLoad(at + 8));
            Assert.Equal((long)at.Value, machine.CpuLoad(at));
            Assert.False(machine.IsOnDevice(at));
        }
    }

    [Fact]
    public void UntouchedMemoryReadsAsZeroesOnTheGpu()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start + (5 * PageSize.Bytes), 5);
        Assert.Equal(0, machine.GpuLoad(memory.Start + (4 * PageSize.Bytes)));
        Assert.Equal(5, machine.GpuLoad(memory.Start + (5 * PageSize.Bytes)));
        Assert.Equal(0, machine.CpuLoad(memory.Start + (6 * PageSize.Bytes)));
    }

    [Fact]
    public void ACpuTouchBringsTheWholeAllocationHomeAndTakesTheGpusAccessAway()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        Assert.Equal(1, machine.CpuLoad(memory.Start));
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
        Assert.Equal(0, machine.Host.AwayPages);
    }

    [Fact]
    public void DataFourTimesTheDeviceMemoryIsEvictedAndComesBack()
    {
        using var machine = new Machine(devicePages: 1024, iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(8L * PageSize.HugeBytes);
        for (int pass = 1; pass <= 3; pass++)
        {
            for (VirtualAddress at = memory.Start; at < memory.End; at += 64 * PageSize.Bytes)
            {
                long before = machine.GpuLoad(at);
                Assert.Equal(pass - 1, before);
                machine.GpuStore(at, before + 1);
            }

            machine.Check();
        }

        Assert.True(machine.Vm.Pagemap.Counters.Evictions > 0);
        for (VirtualAddress at = memory.Start; at < memory.End; at += 64 * PageSize.Bytes)
            Assert.Equal(3, machine.CpuLoad(at));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(33)]
    public void ADeviceMemoryOfAFewPagesStillServesEverything(int devicePages)
    {
        using var machine = new Machine(devicePages, iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int i = 0; i < 512; i++)
            machine.GpuStore(memory.Start + ((long)i * PageSize.Bytes), i);
        machine.Check();
        for (int i = 0; i < 512; i++)
            Assert.Equal(i, machine.CpuLoad(memory.Start + ((long)i * PageSize.Bytes)));
    }

    [Fact]
    public void TheLeastRecentlyUsedAllocationIsEvictedFirst()
    {
        using var machine = new Machine(devicePages: 1024, iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(3L * PageSize.HugeBytes);
        VirtualAddress a = memory.Start;
        VirtualAddress b = a + PageSize.HugeBytes;
        VirtualAddress c = b + PageSize.HugeBytes;
        machine.GpuStore(a, 1);
        machine.GpuStore(b, 2);
        Assert.Equal(SvmStatus.Done, machine.Fault(a)); // A fault on a bound range is a use.
        machine.GpuStore(c, 3);
        Assert.True(machine.IsOnDevice(a));
        Assert.False(machine.IsOnDevice(b));
    }

    [Fact]
    public void PrefetchSaysWhatWasThereWhatMovedAndWhatDidNot()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(4L * PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out PrefetchResult result));
        Assert.Equal(new PrefetchResult(8 << 20, 2 << 20, 6 << 20, 0), result);
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.System, out result));
        Assert.Equal(new PrefetchResult(8 << 20, 0, 8 << 20, 0), result);
        Assert.Equal(1, machine.CpuLoad(memory.Start));
    }

    [Fact]
    public void BringHomeEmptiesTheDevice()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(4L * PageSize.HugeBytes);
        machine.Vm.Prefetch(memory, PrefetchTarget.Device, out _);
        Assert.Equal(SvmStatus.Done, machine.Vm.BringHome());
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
    }

    [Fact]
    public void FreeingMemoryThatLiesOnTheDeviceGivesItsFramesBack()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        machine.Free(memory);
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
        Assert.Equal(SvmStatus.InvalidHandle, machine.Host.Free(memory));
        Assert.Equal(SvmStatus.NotMapped, machine.Fault(memory.Start));
        Assert.Equal(0, machine.Vm.Mirror.RangeCount);
    }

    [Fact]
    public void AnAccessOutsideAnyMappingIsRefusedAndChangesNothing()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(8192);
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(SvmStatus.NotMapped, machine.Fault(memory.End + 4096));
        Assert.Equal(SvmStatus.NotMapped, machine.Fault(new VirtualAddress(0)));
        Assert.Equal(SvmStatus.NotMapped, machine.Fault(new VirtualAddress(1UL << 50)));
        Assert.Equal(7, machine.GpuLoad(memory.Start));
    }

    [Fact]
    public void AReadOnlyMappingIsReadButNotWritten()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(65536);
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(memory, HostProtection.ReadOnly));
        Assert.Equal(7, machine.GpuLoad(memory.Start));
        Assert.Equal(SvmStatus.ReadOnly, machine.Fault(memory.Start, MemoryAccess.Write));
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(memory, HostProtection.ReadWrite));
        machine.GpuStore(memory.Start, 8);
        Assert.Equal(8, machine.CpuLoad(memory.Start));
    }

    [Fact]
    public void WithoutMigrationTheGpuWorksOnThePagesWhereTheyAre()
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: new GpuVmOptions { Placement = new Policies.SystemPlacement() });
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        machine.GpuStore(memory.Start, machine.GpuLoad(memory.Start) + 1);
        Assert.False(machine.IsOnDevice(memory.Start));
        Assert.Equal(2, machine.CpuLoad(memory.Start));
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start).IsPresent); // Reading took nobody's access away.
    }

    [Fact]
    public void PagesFoughtOverAreMappedWhereTheyAreForAWhile()
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: new GpuVmOptions { Thrash = new Policies.BackOffThrash(quietMicroseconds: 60_000_000) });
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        Assert.True(machine.IsOnDevice(memory.Start));
        machine.CpuStore(memory.Start, 2);
        machine.GpuStore(memory.Start + 8, 3);
        Assert.False(machine.IsOnDevice(memory.Start));
        machine.CpuStore(memory.Start, 4); // No fault any more, on either side.
        Assert.Equal(4, machine.GpuLoad(memory.Start));
        Assert.Equal(1, machine.Vm.Counters.RemoteMaps);
    }

    [Fact]
    public void RangesAreAsLargeAsMappingAndNeighboursAllow()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes + (20 * PageSize.Bytes));
        machine.GpuStore(memory.Start + 100, 1);
        machine.GpuStore(memory.Start + PageSize.HugeBytes + 100, 1);
        machine.GpuStore(memory.Start + PageSize.HugeBytes + (17 * PageSize.Bytes), 1);
        long[] sizes = [.. Ranges(machine).Select(range => range.Interval.Bytes)];
        Assert.Equal([2L << 20, 65536, 4096], sizes);
    }

    private static IEnumerable<Svm.SvmRange> Ranges(Machine machine)
    {
        var everything = new AddressRange(default, new VirtualAddress(1UL << 48));
        for (Svm.SvmNotifier? notifier = machine.Vm.Mirror.FirstNotifier(everything); notifier is not null; notifier = machine.Vm.Mirror.NextNotifier(notifier, everything))
        {
            for (Svm.SvmRange? range = notifier.Ranges.First; range is not null; range = range.Next)
                yield return range;
        }
    }
}
