// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>R-6: what becomes of a range when the CPU unmaps a part of it, split or killed, on the device or in RAM.</summary>
public class PartialUnmapTests
{
    /// <summary>Device addresses, if the device stands behind an IOMMU.</summary>
    private protected virtual long IommuBytes => 0;

    /// <summary>The same behind an IOMMU.</summary>
    public sealed class BehindIommu : PartialUnmapTests
    {
        private protected override long IommuBytes => 32 << 20;
    }

    public static TheoryData<int, int, PartialUnmapMode, bool> Cases
    {
        get
        {
            var cases = new TheoryData<int, int, PartialUnmapMode, bool>();
            foreach (PartialUnmapMode mode in Enum.GetValues<PartialUnmapMode>())
            {
                foreach (bool onDevice in new[] { true, false })
                {
                    cases.Add(0, 128, mode, onDevice);
                    cases.Add(128, 256, mode, onDevice);
                    cases.Add(384, 128, mode, onDevice);
                    cases.Add(37, 1, mode, onDevice);
                    cases.Add(1, 510, mode, onDevice);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void WhatIsLeftKeepsItsBytesAndTheHoleIsNobodys(int firstPage, int pages, PartialUnmapMode mode, bool onDevice)
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: Options(mode, onDevice));
        AddressRange mapped = MapAndFill(machine);
        AddressRange hole = Part(mapped, firstPage, pages);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(hole));
        machine.Check();
        for (int i = 0; i < 512; i++)
        {
            VirtualAddress at = At(mapped, i);
            if (hole.Contains(at))
                Assert.Equal(SvmStatus.NotMapped, machine.Fault(at));
            else
                Assert.Equal(i + 1, machine.GpuLoad(at));
        }

        machine.Check();
        for (int i = 0; i < 512; i++)
        {
            if (!hole.Contains(At(mapped, i)))
                Assert.Equal(i + 1, machine.CpuLoad(At(mapped, i)));
        }

        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ASplitMapsAndMovesNothingAndTheRestNeedsNoFault(bool onDevice)
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: Options(PartialUnmapMode.Split, onDevice));
        AddressRange mapped = MapAndFill(machine);
        long toRam = machine.Vm.Pagemap.Counters.BytesToRam;
        long mappedPages = machine.Device.DmaMapper.LivePages;
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(mapped, 128, 128)));
        machine.Vm.Collect();
        machine.Check();
        long faults = machine.Vm.Counters.Faults;
        for (int i = 0; i < 512; i++)
        {
            bool isBound = machine.Vm.PageTable.Lookup(At(mapped, i)).IsPresent;
            Assert.Equal(i is < 128 or >= 256, isBound);
            if (isBound)
                Assert.Equal(i + 1, machine.GpuLoad(At(mapped, i)));
        }

        Assert.Equal(faults, machine.Vm.Counters.Faults);
        Assert.Equal(toRam, machine.Vm.Pagemap.Counters.BytesToRam);
        Assert.Equal(onDevice ? 0 : mappedPages - 128, machine.Device.DmaMapper.LivePages);
        Assert.Equal(onDevice, machine.IsOnDevice(At(mapped, 0)));
        Assert.Equal(1, machine.Vm.Counters.Splits);
        Assert.Equal(8 + 16, machine.Vm.Mirror.RangeCount); // 128 and 256 pages in chunks of 16.
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    [Fact]
    public void AKilledRangeComesHome()
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: Options(PartialUnmapMode.Kill, onDevice: true));
        AddressRange mapped = MapAndFill(machine);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(mapped, 100, 5)));
        machine.Vm.Collect();
        Assert.False(machine.IsOnDevice(At(mapped, 0)));
        Assert.False(machine.IsOnDevice(At(mapped, 511))); // Also behind the hole.
        Assert.Equal(0, machine.Vm.Mirror.RangeCount);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    [Fact]
    public void SeveralHolesBeforeTheCollectorRunsAreAllRespected()
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: Options(PartialUnmapMode.Split, onDevice: false));
        AddressRange mapped = MapAndFill(machine);
        int[] holes = [40, 20, 300, 21, 299];
        foreach (int hole in holes)
            Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(mapped, hole, 1)));
        machine.Check();
        for (int i = 0; i < 512; i++)
        {
            if (holes.Contains(i))
                Assert.Equal(SvmStatus.NotMapped, machine.Fault(At(mapped, i)));
            else
                Assert.Equal(i + 1, machine.GpuLoad(At(mapped, i)));
        }

        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    [Fact]
    public void ARangeWhoseEveryPageIsUnmappedPieceByPieceIsRemoved()
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: Options(PartialUnmapMode.Split, onDevice: true));
        AddressRange mapped = MapAndFill(machine);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(mapped, 0, 200)));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(mapped, 200, 312)));
        machine.Check();
        Assert.Equal(0, machine.Vm.Mirror.RangeCount);
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnEventBetweenTheLossAndTheCollectorIsHandledOnTheWholeRange(bool touchesRest)
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: Options(PartialUnmapMode.Split, onDevice: true));
        AddressRange mapped = MapAndFill(machine);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(mapped, 64, 64)));
        if (touchesRest)
            machine.CpuStore(At(mapped, 3), 77);
        else
            Assert.Equal(SvmStatus.Done, machine.Memory.DontNeed(Part(mapped, 3, 1)));
        machine.Check();
        Assert.Equal(touchesRest ? 77 : 0, machine.GpuLoad(At(mapped, 3)));
        Assert.Equal(5, machine.GpuLoad(At(mapped, 4)));
        Assert.Equal(512, machine.GpuLoad(At(mapped, 511)));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    [Theory]
    [InlineData("unmap more")]
    [InlineData("touch")]
    [InlineData("unmap all")]
    public void AnEventWhileTheRangeIsBeingSplitIsNotLost(string what)
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: Options(PartialUnmapMode.Split, onDevice: true));
        AddressRange mapped = MapAndFill(machine);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(mapped, 256, 16)));
        using (new AtPoint(SchedulePointKind.RangeSplit, () => OnAnotherThread(() =>
        {
            if (what == "touch")
                machine.CpuStore(At(mapped, 3), 77);
            else
                Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(what == "unmap more" ? Part(mapped, 3, 1) : mapped));
        })))
        {
            machine.Vm.Collect();
        }

        machine.Check();
        if (what == "touch")
            Assert.Equal(77, machine.GpuLoad(At(mapped, 3)));
        else
            Assert.Equal(SvmStatus.NotMapped, machine.Fault(At(mapped, 3)));
        if (what != "unmap all")
            Assert.Equal(12, machine.GpuLoad(At(mapped, 11)));
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    /// <summary>Large page-table entries go whole; what they covered beyond the hole is written again by the collector.</summary>
    [Fact]
    public void AHoleInA2MiBEntryLeavesTheNeighboursBoundAfterTheCollector()
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: Options(PartialUnmapMode.Split, onDevice: true));
        AddressRange mapped = MapAndFill(machine);
        Assert.Equal(SoftwareGpu.SoftwareGpuPageClass.Huge, ((SoftwareGpu.SoftwareGpuPageTable)machine.Vm.PageTable).LookupSize(mapped.Start));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(mapped, 511, 1)));
        machine.Vm.Collect();
        Assert.Equal(0, machine.Vm.Counters.RebindsFailed);
        Assert.Equal(SoftwareGpu.SoftwareGpuPageClass.Medium, ((SoftwareGpu.SoftwareGpuPageTable)machine.Vm.PageTable).LookupSize(mapped.Start));
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    internal static GpuVmOptions Options(PartialUnmapMode mode, bool onDevice) => new()
    {
        PartialUnmap = mode,
        Placement = onDevice ? new Machine.AlwaysMigrate() : new SystemPlacement(),
    };

    private static AddressRange MapAndFill(Machine machine)
    {
        AddressRange probe = machine.Allocate(PageSize.HugeBytes);
        AddressRange mapped = AddressRange.OfBytes(probe.End + (64L * PageSize.HugeBytes), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes));
        for (int i = 0; i < 512; i++)
            machine.GpuStore(At(mapped, i), i + 1);
        Assert.Equal(1, machine.Vm.Mirror.RangeCount);
        return mapped;
    }

    private static VirtualAddress At(AddressRange mapped, int page) => mapped.Start + ((long)page * PageSize.Bytes);

    private static AddressRange Part(AddressRange mapped, int first, int pages) => AddressRange.OfPages(At(mapped, first), pages);

    private static void OnAnotherThread(Action action)
    {
        Exception? error = null;
        var thread = new Thread(() => error = Record.Exception(action));
        thread.Start();
        Assert.True(thread.Join(20_000), "The other thread is stuck.");
        Assert.Null(error);
    }
}
