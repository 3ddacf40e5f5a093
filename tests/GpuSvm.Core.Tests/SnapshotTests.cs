// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>What a snapshot says of memory as a device sees it, and what becomes of memory that is taken for a device alone.</summary>
public sealed class SnapshotTests
{
    [Fact]
    public void EveryPlaceAndRightIsToldInRunsWithoutGaps()
    {
        using var machine = new Machine(vm: new GpuVmOptions { ChunkOrders = [PageOrder.Small], Placement = new Machine.AlwaysMigrate() });
        VirtualAddress start = machine.Allocate(4096).End.AlignDown(PageOrder.Huge) + (8L * PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(start, 600 * PageSize.Bytes));
        for (int page = 64; page < 128; page++)
            machine.CpuStore(start + (page * PageSize.Bytes), page);
        for (int page = 96; page < 112; page++)
            machine.GpuStore(start + (page * PageSize.Bytes), page);
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(Pages(start, 64, 70), HostProtection.ReadOnly));

        List<PageRun> runs = Snapshot(machine, Pages(start, 0, 5000));
        Assert.Equal(start, runs[0].Interval.Start);
        Assert.Equal(start + (5000 * PageSize.Bytes), runs[^1].Interval.End);
        for (int i = 1; i < runs.Count; i++)
        {
            Assert.Equal(runs[i - 1].Interval.End, runs[i].Interval.Start);
            Assert.NotEqual(runs[i - 1] with { Interval = default }, runs[i] with { Interval = default });
        }

        Assert.Equal((PagePlace.Ram, -1, true), At(runs, start, 0)); // It came with its block.
        Assert.Equal((PagePlace.Ram, -1, false), At(runs, start, 64));
        Assert.Equal((PagePlace.Ram, -1, true), At(runs, start, 70));
        Assert.Equal((PagePlace.Device, 0, true), At(runs, start, 96));
        Assert.Equal((PagePlace.Ram, -1, true), At(runs, start, 127));
        Assert.Equal((PagePlace.Nowhere, -1, false), At(runs, start, 599));
        Assert.Equal((PagePlace.Unmapped, -1, false), At(runs, start, 600));
        Assert.Equal((PagePlace.Unmapped, -1, false), At(runs, start, 4999));
        machine.Check();
    }

    [Fact]
    public void AnIntervalIsTakenForADeviceAloneAndEachPageComesBackByItself()
    {
        using var machine = new Machine(vm: new GpuVmOptions { ChunkOrders = [PageOrder.Small], Placement = new Policies.SystemPlacement() });
        AddressRange memory = machine.Allocate(20 * PageSize.Bytes);
        for (int page = 0; page < 20; page++)
            machine.CpuStore(memory.Start + (page * PageSize.Bytes), page + 1);
        Assert.Equal(SvmStatus.Done, machine.Vm.MakeExclusive(memory, 0));
        Assert.Equal((PagePlace.Exclusive, true, 20L), (Snapshot(machine, memory)[0].Place, Snapshot(machine, memory)[0].IsWritable, Assert.Single(Snapshot(machine, memory)).Interval.Pages));
        machine.Check();
        Assert.Equal(5, machine.CpuLoad(memory.Start + (4 * PageSize.Bytes)));
        Assert.Equal((PagePlace.Ram, -1, true), At(Snapshot(machine, memory), memory.Start, 4));
        for (int page = 0; page < 20; page++)
            Assert.Equal(page + 1, machine.GpuLoad(memory.Start + (page * PageSize.Bytes)));
        machine.Check();
    }

    [Fact]
    public void WhatCannotBeToldOrTakenIsAnsweredWithTheReason()
    {
        var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.Bytes);
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.Snapshot(new AddressRange(memory.Start + 1, memory.End), 0, []));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.Snapshot(memory, 1, []));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.MakeExclusive(memory, -1));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.MakeExclusive(new AddressRange(memory.Start, memory.End + 1), 0));
        Assert.Equal(SvmStatus.NotMapped, machine.Vm.MakeExclusive(AddressRange.OfPages(memory.End + (1L << 40), 1), 0));
        machine.Dispose();
        Assert.Equal(SvmStatus.ProcessGone, machine.Vm.Snapshot(memory, 0, []));
        Assert.Equal(SvmStatus.ProcessGone, machine.Vm.MakeExclusive(memory, 0));
    }

    private static AddressRange Pages(VirtualAddress start, int first, int end) => new(start + (first * (long)PageSize.Bytes), start + (end * (long)PageSize.Bytes));

    private static List<PageRun> Snapshot(Machine machine, AddressRange interval)
    {
        List<PageRun> runs = [];
        Assert.Equal(SvmStatus.Done, machine.Vm.Snapshot(interval, 0, runs));
        return runs;
    }

    private static (PagePlace Place, int Device, bool IsWritable) At(List<PageRun> runs, VirtualAddress start, int page)
    {
        PageRun run = Assert.Single(runs, run => run.Interval.Contains(start + (page * (long)PageSize.Bytes)));
        return (run.Place, run.Device, run.IsWritable);
    }
}
