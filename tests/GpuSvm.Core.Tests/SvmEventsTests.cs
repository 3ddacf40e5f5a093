// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>What the events of known doings say, on simulated memory: cause, victim and culprit; and that they add up to the counters.</summary>
public sealed class SvmEventsTests
{
    private const int GroupBytes = 65536;

    private readonly SvmEvent[] _buffer = new SvmEvent[4096];

    [Theory]
    [InlineData(1, 2)]
    [InlineData(3, 4)]
    public void TheSmallestStreamsDropWhatDoesNotFitAndGoOn(int asked, int capacity)
    {
        using Machine machine = NewMachine();
        SvmEventStream stream = machine.Host.Events.Open(asked);
        var anywhere = AddressRange.OfPages(new VirtualAddress(1 << 20), 1);
        for (int i = 0; i < 10; i++)
            machine.Host.Events.Prefetch(anywhere, SvmPlace.Ram, MigrationCause.Prefetch, SvmStatus.Done);
        Assert.Equal(capacity, Read(stream).Count);
        Assert.Equal(10 - capacity, stream.Dropped());
        machine.Host.Events.Prefetch(anywhere, SvmPlace.Ram, MigrationCause.Prefetch, SvmStatus.Done);
        Assert.Single(Read(stream));
    }

    [Fact]
    public void AFaultTellsOfItselfOfTheMigrationAndOfItsPlaces()
    {
        using Machine machine = NewMachine();
        SvmEventStream stream = machine.Host.Events.Open(4096);
        AddressRange memory = machine.Allocate(GroupBytes);
        machine.CpuStore(memory.Start, 1);
        SvmEvent touched = Assert.Single(Read(stream, SvmEventKind.CpuFault));
        Assert.Equal((memory.Start, MemoryAccess.Write, SvmStatus.Done, MigrationCause.None), (touched.Address, touched.Access, touched.Status, touched.Cause));
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start + 5000, MemoryAccess.Read));
        List<SvmEvent> all = Read(stream);
        SvmEvent fault = Assert.Single(all, one => one.Kind == SvmEventKind.GpuFault);
        Assert.Equal((memory.Start + 5000, MemoryAccess.Read, SvmStatus.Done, (short)0), (fault.Address, fault.Access, fault.Status, fault.To));
        SvmEvent moved = Assert.Single(all, one => one.Kind == SvmEventKind.Migration);
        Assert.Equal(
            (memory.Start, (long)GroupBytes, SvmPlace.Ram, (short)0, MigrationCause.GpuFault), (moved.Address, moved.Bytes, moved.From, moved.To, moved.Cause));
        Assert.InRange(moved.Duration, 1, fault.Duration);
        Assert.InRange(moved.Timestamp, touched.Timestamp, fault.Timestamp);

        Assert.Equal(1, machine.CpuLoad(memory.Start));
        all = Read(stream);
        SvmEvent back = Assert.Single(all, one => one.Kind == SvmEventKind.Migration);
        Assert.Equal((memory.Start, (long)GroupBytes, (short)0, SvmPlace.Ram, MigrationCause.CpuFault), (back.Address, back.Bytes, back.From, back.To, back.Cause));
        SvmEvent lost = Assert.Single(all, one => one.Kind == SvmEventKind.Invalidation);
        Assert.Equal((memory.Start, MmuEventKind.Migrate, MigrationCause.CpuFault, (short)0), (lost.Address, lost.Change, lost.Cause, lost.To));
        Assert.Equal(MigrationCause.CpuFault, Assert.Single(all, one => one.Kind == SvmEventKind.CpuFault).Cause);
    }

    [Fact]
    public void AnEvictionNamesVictimAndCulprit()
    {
        using Machine machine = NewMachine(groups: 2);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        SvmEventStream stream = machine.Host.Events.Open(4096);
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start + GroupBytes));
        Assert.Empty(Read(stream, SvmEventKind.Eviction));
        VirtualAddress culprit = memory.Start + (7 * GroupBytes);
        Assert.Equal(SvmStatus.Done, machine.Fault(culprit + 12345));
        List<SvmEvent> all = Read(stream);
        SvmEvent eviction = Assert.Single(all, one => one.Kind == SvmEventKind.Eviction);
        Assert.Equal(
            (memory.Start, (long)GroupBytes, culprit, MigrationCause.Eviction, (short)0, SvmPlace.Ram),
            (eviction.Address, eviction.Bytes, eviction.Culprit, eviction.Cause, eviction.From, eviction.To));
        Assert.Equal([MigrationCause.Eviction, MigrationCause.GpuFault], all.Where(one => one.Kind == SvmEventKind.Migration).Select(one => one.Cause));
        Assert.Equal(1, machine.Vm.Pagemap.Counters.Evictions);
    }

    [Fact]
    public void ARefusedFaultIsFatalAndARemoteMapSaysWhy()
    {
        using var machine = new Machine(vm: new GpuVmOptions { Placement = new SystemPlacement() });
        SvmEventStream stream = machine.Host.Events.Open(4096);
        AddressRange memory = machine.Allocate(GroupBytes);
        var nowhere = new VirtualAddress(64UL << 30);
        Assert.Equal(SvmStatus.NotMapped, machine.Fault(nowhere));
        List<SvmEvent> all = Read(stream);
        Assert.Equal([SvmEventKind.GpuFault, SvmEventKind.FatalFault], all.Select(one => one.Kind));
        Assert.All(all, one => Assert.Equal((nowhere, SvmStatus.NotMapped, MemoryAccess.Write), (one.Address, one.Status, one.Access)));
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        all = Read(stream);
        Assert.Equal([SvmEventKind.MapRemote, SvmEventKind.GpuFault], all.Select(one => one.Kind));
        Assert.Equal((memory.Start, (long)GroupBytes, SvmPlace.Ram, SvmStatus.Done), (all[0].Address, all[0].Bytes, all[0].From, all[0].Status));
    }

    [Fact]
    public void APrefetchAskedForAndOneBesideAFaultAreToldApart()
    {
        using Machine machine = NewMachine(prefetch: new WholeRangePrefetch());
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        SvmEventStream stream = machine.Host.Events.Open(4096);
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        SvmEvent beside = Assert.Single(Read(stream, SvmEventKind.Prefetch));
        Assert.Equal((MigrationCause.GpuFault, memory.Start + GroupBytes, memory.Bytes - GroupBytes, (short)0), (beside.Cause, beside.Address, beside.Bytes, beside.To));
        Assert.Equal(machine.Vm.Counters.PrefetchedPages, beside.Bytes / PageSize.Bytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.System, out _));
        SvmEvent asked = Assert.Single(Read(stream, SvmEventKind.Prefetch));
        Assert.Equal((MigrationCause.Prefetch, memory.Start, memory.Bytes, SvmPlace.Ram), (asked.Cause, asked.Address, asked.Bytes, asked.To));
    }

    [Fact]
    public void AnUnmapTellsOfTheInvalidationAndItsChange()
    {
        using Machine machine = NewMachine();
        AddressRange memory = machine.Allocate(GroupBytes);
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        SvmEventStream stream = machine.Host.Events.Open(4096);
        machine.Free(memory);
        SvmEvent lost = Assert.Single(Read(stream));
        Assert.Equal((SvmEventKind.Invalidation, memory.Start, memory.Bytes, MmuEventKind.Unmap), (lost.Kind, lost.Address, lost.Bytes, lost.Change));
    }

    /// <summary>A long to and fro over a device that is too small: the events, the counters and the histograms tell the same story.</summary>
    [Fact]
    public void EventsCountersAndHistogramsAgree()
    {
        using Machine machine = NewMachine(groups: 4);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        SvmEventStream stream = machine.Host.Events.Open(1 << 16);
        var random = new Random(11);
        for (int step = 0; step < 300; step++)
        {
            VirtualAddress at = memory.Start + ((long)random.Next(512) * PageSize.Bytes);
            if (random.Next(3) == 0)
                machine.CpuStore(at, step);
            else
                Assert.Equal(SvmStatus.Done, machine.Fault(at));
        }

        var all = new List<SvmEvent>();
        for (int count = 1; count > 0;)
        {
            count = stream.Read(_buffer);
            all.AddRange(_buffer.AsSpan(0, count));
        }

        Assert.Equal(0, stream.Dropped());
        VmCounters vm = machine.Vm.Counters;
        Core.Pagemaps.MigrationCounters moved = machine.Vm.Pagemap.Counters;
        long Count(SvmEventKind kind) => all.Count(one => one.Kind == kind);
        long Bytes(short to) => all.Where(one => one.Kind == SvmEventKind.Migration && one.To == to).Sum(one => one.Bytes);
        Assert.True(moved.Evictions > 10 && vm.Invalidations > 10);
        Assert.Equal(vm.Faults, Count(SvmEventKind.GpuFault));
        Assert.Equal(machine.Host.Counters.CpuFaults, Count(SvmEventKind.CpuFault));
        Assert.Equal(vm.Invalidations, Count(SvmEventKind.Invalidation));
        Assert.Equal(vm.RemoteMaps, Count(SvmEventKind.MapRemote));
        Assert.Equal(moved.BytesToDevice + moved.BytesCleared, Bytes(0));
        Assert.Equal(moved.BytesToRam, Bytes(SvmPlace.Ram));
        Assert.True(Count(SvmEventKind.Eviction) >= moved.Evictions);
        Assert.Equal(vm.Faults, vm.FaultTimes.Count);
        Assert.Equal(vm.FaultTicks, vm.FaultTimes.Sum);
        Assert.Equal(vm.MigrateTicks, vm.MigrateTimes.Sum);
        Assert.Equal(machine.Host.Counters.CpuFaults, machine.Host.Counters.CpuFaultTimes.Count);
        Assert.Equal((moved.BlocksToDevice, moved.BytesToDevice + moved.BytesCleared), (moved.SizesToDevice.Count, moved.SizesToDevice.Sum));
        Assert.Equal((moved.BlocksToRam, moved.BytesToRam), (moved.SizesToRam.Count, moved.SizesToRam.Sum));
        Assert.True(machine.Host.Counters.InvalidationTimes.Count >= vm.Invalidations);
    }

    /// <summary>With a stream open, and full, a warm fault allocates no more than without: nothing; and what is told under the notifier lock neither (INV-25 is checked there).</summary>
    [Fact]
    public void AWarmFaultWithAStreamOpenAllocatesNothing()
    {
        using var machine = new Machine(vm: new GpuVmOptions { Placement = new SystemPlacement() }, checksSteps: false);
        SvmEventStream stream = machine.Host.Events.Open(256);
        AddressRange memory = machine.Allocate(GroupBytes);
        long bytes = 0;
        for (int round = 0; round < 600; round++)
        {
            if (round == 300)
                bytes = 0; // Warm from here on.
            long before = GC.GetAllocatedBytesForCurrentThread();
            SvmStatus status = machine.Fault(memory.Start);
            machine.Host.EnterEventGate();
            machine.Host.ProtectionChanged(memory);
            machine.Host.LeaveEventGate();
            bytes += GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal(SvmStatus.Done, status);
        }

        Assert.Equal(0, bytes);
        Assert.True(stream.Dropped(SvmEventKind.Invalidation) > 0);
        Assert.Equal(256, stream.Read(_buffer));
    }

    /// <summary>A machine whose ranges are 64 KiB.</summary>
    private static Machine NewMachine(int groups = 64, IPrefetchPolicy? prefetch = null) => new(
        devicePages: groups * 16,
        vm: new GpuVmOptions
        {
            Placement = new Machine.AlwaysMigrate(),
            ChunkOrders = [PageOrder.Medium, PageOrder.Small],
            Eviction = new FifoEviction(),
            Prefetch = prefetch,
        });

    /// <summary>Takes all events, or those of a kind.</summary>
    private List<SvmEvent> Read(SvmEventStream stream, SvmEventKind kind = SvmEventKind.None)
    {
        int count = stream.Read(_buffer);
        return [.. _buffer.Take(count).Where(one => kind == SvmEventKind.None || one.Kind == kind)];
    }
}
