// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>What a query says of memory: advice and actual place, in runs without gaps.</summary>
public sealed class MemoryQueryTests
{
    [Fact]
    public void EveryPlaceIsToldInRunsWithoutGaps()
    {
        using var machine = new Machine(vm: new GpuVmOptions { ChunkOrders = [PageOrder.Small], Placement = new Machine.AlwaysMigrate() });
        VirtualAddress start = machine.Allocate(4096).End.AlignDown(PageOrder.Huge) + (8L * PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(start, 600 * PageSize.Bytes));
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(start + (610 * PageSize.Bytes), 10 * PageSize.Bytes));
        for (int page = 64; page < 128; page++)
            machine.CpuStore(start + (page * PageSize.Bytes), page);
        for (int page = 96; page < 112; page++)
            machine.GpuStore(start + (page * PageSize.Bytes), page);
        Assert.Equal(SvmStatus.Done, machine.Fault(start + (120 * PageSize.Bytes), MemoryAccess.Read));
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(Pages(start, 100, 504), advice => advice with { NeverMigrate = true }));
        Assert.Equal(SvmStatus.Done, machine.Fault(start + (513 * PageSize.Bytes), MemoryAccess.Read)); // Stays in RAM: the page of zeroes, or a fresh one.

        List<MemoryRun> runs = Query(machine, Pages(start, 0, 630));
        Assert.Equal(start, runs[0].Interval.Start);
        Assert.Equal(start + (630 * PageSize.Bytes), runs[^1].Interval.End);
        for (int i = 1; i < runs.Count; i++)
        {
            Assert.Equal(runs[i - 1].Interval.End, runs[i].Interval.Start);
            Assert.NotEqual(runs[i - 1] with { Interval = default }, runs[i] with { Interval = default });
        }

        Assert.Equal((PagePlace.Device, 0, false), At(runs, start, 96));
        Assert.Equal((PagePlace.Device, 0, true), At(runs, start, 100)); // Advice alone moves nothing.
        Assert.Equal((PagePlace.Ram, -1, false), At(runs, start, 64));
        Assert.Equal((PagePlace.Ram, -1, true), At(runs, start, 119));
        Assert.Equal((PagePlace.Device, 0, true), At(runs, start, 120));
        Assert.Equal((PagePlace.Nowhere, -1, true), At(runs, start, 599));
        Assert.Equal((PagePlace.Unmapped, -1, true), At(runs, start, 603));
        Assert.Equal((PagePlace.Unmapped, -1, false), At(runs, start, 605));
        Assert.Equal((PagePlace.Nowhere, -1, false), At(runs, start, 610));
        Assert.Equal((PagePlace.Unmapped, -1, false), At(runs, start, 629));
        Assert.Contains(At(runs, start, 513).Place, new[] { PagePlace.Zero, PagePlace.Ram });
        machine.Check();
    }

    [Fact]
    public void APageThatADeviceHasForItselfIsToldAsSuch()
    {
        using var machine = new Machine(vm: new GpuVmOptions { ChunkOrders = [PageOrder.Small], Placement = new Policies.SystemPlacement() });
        AddressRange memory = machine.Allocate(PageSize.Bytes);
        machine.CpuStore(memory.Start, 1);
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start, MemoryAccess.Atomic));
        Assert.Equal(PagePlace.Exclusive, Assert.Single(Query(machine, memory)).Place);
        Assert.Equal(1, machine.CpuLoad(memory.Start));
        Assert.Equal(PagePlace.Ram, Assert.Single(Query(machine, memory)).Place);
    }

    [Fact]
    public void AQueryOfNoPagesOrOfAnEndedProcessSaysSo()
    {
        var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.Bytes);
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.Query(new AddressRange(memory.Start + 1, memory.End), []));
        Assert.Empty(Query(machine, new AddressRange(memory.Start, memory.Start)));
        Injection.Arm(InjectionPoint.HostQuery, 1);
        Assert.Equal(SvmStatus.OutOfHostMemory, machine.Vm.Query(memory, []));
        Assert.Single(Query(machine, memory));
        machine.Dispose();
        Assert.Equal(SvmStatus.ProcessGone, machine.Vm.Query(memory, []));
    }

    private static List<MemoryRun> Query(Machine machine, AddressRange interval)
    {
        List<MemoryRun> runs = [];
        Assert.Equal(SvmStatus.Done, machine.Vm.Query(interval, runs));
        return runs;
    }

    private static AddressRange Pages(VirtualAddress start, int first, int count) => AddressRange.OfPages(start + (first * PageSize.Bytes), count);

    private static (PagePlace Place, int Device, bool Stays) At(List<MemoryRun> runs, VirtualAddress start, int page)
    {
        MemoryRun run = runs.Single(run => run.Interval.Contains(start + (page * PageSize.Bytes)));
        return (run.Place, run.Device, run.Advice.NeverMigrate);
    }
}
