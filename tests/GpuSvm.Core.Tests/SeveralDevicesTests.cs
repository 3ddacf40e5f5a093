// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>Several devices with a VM each over one address space: peers' memory, pages that move between devices, devices that go.</summary>
public sealed unsafe class SeveralDevicesTests
{
    [Fact]
    public void AnotherDevicesPagesAreMappedWhereTheyAreAndBothSeeOneAnothersWrites()
    {
        using var machine = new Machine();
        using var peer = new PeerMachine(machine);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        Assert.Equal(1, peer.Load(memory.Start));
        Assert.Equal(AddressProtocol.Peer, peer.Lookup(memory.Start).Protocol);
        Assert.Equal(512, machine.Device.LivePeerPages);
        peer.Store(memory.Start + 8, 2);
        Assert.Equal(2, machine.GpuLoad(memory.Start + 8));
        Assert.True(machine.IsOnDevice(memory.Start));
        Assert.Equal(2, machine.CpuLoad(memory.Start + 8));
        Assert.Equal(0, machine.Device.LivePeerPages);
        Assert.False(peer.Lookup(memory.Start).IsPresent);
    }

    /// <summary>R-25: the peer's entries are gone, its flush is over and its mapping is undone before one frame goes back.</summary>
    [Fact]
    public void AnEvictionTakesThePeersMappingAwayBeforeTheFramesGo()
    {
        using var machine = new Machine();
        using var peer = new PeerMachine(machine);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        peer.Store(memory.Start + 8, 2);
        long mapped = -1;
        bool bound = true;
        using (new AtPoint(SchedulePointKind.MigrationCollected, () => (mapped, bound) = (machine.Device.LivePeerPages, peer.Lookup(memory.Start).IsPresent)))
            Assert.Equal(SvmStatus.Done, machine.Vm.Pagemap.EvictOne());
        Assert.Equal((0, false), (mapped, bound)); // The copy has not begun.
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
        Assert.Equal((1, 2), (peer.Load(memory.Start), peer.Load(memory.Start + 8)));
    }

    [Fact]
    public void PagesMoveFromDeviceToDeviceByTheSourcesEngineWithoutTouchingRam()
    {
        using var machine = new Machine();
        using var second = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        using var third = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int i = 0; i < 512; i++)
            machine.GpuStore(At(memory, i), i);
        for (int round = 1; round <= 3; round++)
        {
            Injection.Reset();
            Assert.Equal(5, second.Load(At(memory, 5)));
            Assert.True(second.Holds(memory.Start));
            Assert.Equal(6, third.Load(At(memory, 6)));
            Assert.True(third.Holds(memory.Start));
            Assert.Equal(7, machine.GpuLoad(At(memory, 7)));
            Assert.True(machine.IsOnDevice(memory.Start) && !second.Holds(memory.Start) && !third.Holds(memory.Start));
            Assert.Equal((3, 0), (Injection.Hits(InjectionPoint.CopyToPeer), Injection.Hits(InjectionPoint.CopyToHost)));
        }

        Assert.Equal(0, second.Device.Memory.Pages - second.Device.Memory.FreePages);
        machine.Check();
        for (int i = 0; i < 512; i++)
            Assert.Equal(i, machine.CpuLoad(At(memory, i)));
    }

    /// <summary>Sources of one migration: two peers, RAM and nothing, with one event for all.</summary>
    [Fact]
    public void OneMigrationCollectsFromPeersRamAndHolesWithOneEvent()
    {
        using var machine = new Machine();
        using var second = new PeerMachine(machine);
        using var third = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        var workspace = machine.Host.RentWorkspace();
        for (int i = 0; i < 128; i++)
            machine.CpuStore(At(memory, i), i);
        Assert.Equal(SvmStatus.Done, machine.Vm.Pagemap.Populate(AddressRange.OfPages(memory.Start, 100), default, Host.MigrationCause.Prefetch, workspace, out _));
        Assert.Equal(SvmStatus.Done, second.Vm.Pagemap.Populate(AddressRange.OfPages(At(memory, 30), 40), default, Host.MigrationCause.Prefetch, workspace, out _));
        machine.Host.ReturnWorkspace(workspace);
        Assert.True(machine.IsOnDevice(memory.Start) && second.Holds(At(memory, 30)) && second.Holds(At(memory, 69)) && !second.Holds(At(memory, 70)));
        int events = 0;
        SchedulePoint.Install((kind, _) => events += kind == SchedulePointKind.InvalidationStart ? 1 : 0);
        Assert.Equal(127, third.Load(At(memory, 127)));
        SchedulePoint.Install(null);
        Assert.Equal(1, events);
        for (int i = 0; i < 512; i++)
        {
            Assert.True(third.Holds(At(memory, i)));
            Assert.Equal(i < 128 ? i : 0, third.Load(At(memory, i)));
        }

        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
    }

    [Theory]
    [InlineData(InjectionPoint.CopyToPeer)]
    [InlineData(InjectionPoint.MapForPeer)]
    public void AFailedMoveBetweenDevicesLeavesThePagesAtTheirSource(InjectionPoint point)
    {
        using var machine = new Machine();
        using var peer = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        var workspace = machine.Host.RentWorkspace();
        Injection.Reset();
        Injection.Arm(point, 1);
        Assert.Equal(SvmStatus.CopyFailed, peer.Vm.Pagemap.Populate(memory, default, Host.MigrationCause.Prefetch, workspace, out Pagemaps.MigrationResult result));
        Injection.Reset();
        Assert.Equal(new Pagemaps.MigrationResult(512, 0, 0, 0, 512), result);
        Assert.True(machine.IsOnDevice(memory.Start) && !peer.Holds(memory.Start));
        Assert.Equal(0, peer.Device.LivePeerPages);
        machine.Check();
        machine.Host.ReturnWorkspace(workspace);
        Assert.Equal(1, peer.Load(memory.Start));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WhatADeviceCannotReachComesThroughRam(bool moves)
    {
        using var machine = new Machine();
        using var stranger = new PeerMachine(machine, placement: moves ? new Machine.AlwaysMigrate() : null, linkGroup: 2);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        Injection.Reset();
        Assert.Equal(1, stranger.Load(memory.Start));
        Assert.Equal(0, Injection.Hits(InjectionPoint.CopyToPeer));
        Assert.Equal(moves, stranger.Holds(memory.Start));
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
        Assert.Equal(0, machine.Device.LivePeerPages);
    }

    /// <summary>Shared counters by atomics, own counters by load and store: exact, wherever the pages are and however they move.</summary>
    [Theory]
    [InlineData(2, true, 0)]
    [InlineData(2, false, 0)]
    [InlineData(3, true, 0)]
    [InlineData(2, true, 4 << 20)]
    [InlineData(2, false, 4 << 20)]
    public void KernelsOnSeveralDevicesCountExactly(int devices, bool migrate, long iommuBytes)
    {
        const int Groups = 4;
        const long Times = 300;
        using var machine = new KernelMachine(devices, placement: migrate ? new FirstTouchPlacement() : new SystemPlacement(), thrash: new BackOffThrash(quietMicroseconds: 1), iommuBytes: iommuBytes);
        AddressRange memory = machine.Allocate(65536);
        var launches = new SoftwareGpuLaunch[devices];
        for (int i = 0; i < devices; i++)
        {
            PeerKernels.Counters* arguments = machine.Arguments(new PeerKernels.Counters { Address = memory.Start.Value, Times = Times, FirstGroup = (ulong)(i * Groups) });
            launches[i] = machine.Start(i, &PeerKernels.Count, arguments, Groups);
        }

        foreach (SoftwareGpuLaunch launch in launches)
        {
            KernelMachine.Wait(launch);
            Assert.Equal("", launch.Message);
        }

        machine.Check();
        Assert.Equal(devices * Groups * Times, machine.Load(memory.Start));
        for (int group = 0; group < devices * Groups; group++)
            Assert.Equal(Times, machine.Load(memory.Start + 4096 + (group * 8)));
    }

    [Fact]
    public void AnAtomicFaultGetsAPageThatTheCpuCannotTouchAndTheCpuGetsItBack()
    {
        using var machine = new Machine();
        using var peer = new PeerMachine(machine);
        AddressRange memory = machine.Allocate(65536);
        machine.CpuStore(memory.Start, 5);
        Assert.Equal(SvmStatus.Done, peer.Fault(memory.Start, MemoryAccess.Atomic));
        Assert.True(peer.Lookup(memory.Start).AllowsAtomics);
        Interlocked.Add(ref *(long*)peer.Lookup(memory.Start).Address, 3); // SAFETY: the page is the device's alone, and the test plays the device.
        Assert.Equal(8, machine.CpuLoad(memory.Start));
        Assert.False(peer.Lookup(memory.Start).IsPresent);
    }

    /// <summary>A file's pages cannot be taken from the CPU: the fault is served by a plain mapping, and the device decides whether that will do.</summary>
    [Fact]
    public void AnAtomicFaultOnPagesThatCannotBeHadAloneIsServedByAPlainMapping()
    {
        using var machine = new Machine();
        using var peer = new PeerMachine(machine);
        AddressRange probe = machine.Allocate(PageSize.HugeBytes);
        AddressRange mapped = AddressRange.OfBytes(probe.End + (64L * PageSize.HugeBytes), 65536);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes, anonymous: false));
        Assert.Equal(SvmStatus.Done, peer.Fault(mapped.Start, MemoryAccess.Atomic));
        Assert.True(peer.Lookup(mapped.Start) is { IsWritable: true, AllowsAtomics: false });
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    private static VirtualAddress At(AddressRange memory, int page) => memory.Start + ((long)page * PageSize.Bytes);
}
