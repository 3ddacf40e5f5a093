// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Policies;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>Devices that go while they are used: R-24, INV-38.</summary>
public sealed unsafe class UnplugTests
{
    [Fact]
    public void AfterAnUnplugEverythingIsHomeAndNothingGoesThereAnyMore()
    {
        using var machine = new Machine();
        using var peer = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        peer.Store(memory.Start, 1);
        peer.Store(memory.Start + PageSize.HugeBytes, 2);
        Assert.Equal(SvmStatus.Done, peer.Vm.Unplug());
        Assert.Equal(peer.Device.Memory.Pages, peer.Device.Memory.FreePages);
        Assert.Equal(SvmStatus.DeviceGone, peer.Fault(memory.Start));
        HostWorkspace workspace = machine.Host.RentWorkspace();
        Assert.Equal(SvmStatus.DeviceGone, peer.Vm.Pagemap.Populate(memory, default, MigrationCause.Prefetch, workspace, out MigrationResult result));
        machine.Host.ReturnWorkspace(workspace);
        Assert.Equal(new MigrationResult(1024, 0, 0, 1024, 0), result);
        Assert.Equal(SvmStatus.DeviceGone, peer.Device.MapForPeer(machine.Device, new DeviceFrame(0), PageOrder.Small, writable: true, out _));
        Assert.Equal(SvmStatus.DeviceGone, peer.Device.Queue.Start((SoftwareGpuPageTable)peer.Vm.PageTable, 1, 0, 1, out _));
        Assert.Equal((1, 2), (machine.CpuLoad(memory.Start), machine.GpuLoad(memory.Start + PageSize.HugeBytes)));
        Assert.Equal(SvmStatus.Done, peer.Vm.Unplug());
    }

    /// <summary>R-24: a migration that was let in ends first, and what it brought goes home again.</summary>
    [Theory]
    [InlineData(SchedulePointKind.MigrationCollected)]
    [InlineData(SchedulePointKind.MigrationCopied)]
    public void AnUnplugDuringAMigrationToTheDeviceWaitsForItAndTakesItsPagesHome(SchedulePointKind point)
    {
        using var machine = new Machine();
        using var peer = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        SvmStatus unplugged = SvmStatus.Busy;
        Thread? remover = null;
        using (new AtPoint(point, () =>
        {
            remover = new Thread(() => unplugged = peer.Vm.Unplug());
            remover.Start();
            Assert.True(SpinWait.SpinUntil(() => peer.Vm.Pagemap.IsClosed, 10_000));
        }))
        {
            SvmStatus status = peer.Fault(memory.Start); // Served just before the end, or too late.
            Assert.True(status is SvmStatus.Done or SvmStatus.DeviceGone, status.ToString());
        }

        Assert.True(remover!.Join(10_000), "The unplug hangs.");
        Assert.Equal(SvmStatus.DeviceGone, peer.Fault(memory.Start));
        Assert.False(peer.Lookup(memory.Start).IsPresent);
        Assert.Equal(SvmStatus.Done, unplugged);
        Assert.Equal((peer.Device.Memory.Pages, 0), (peer.Device.Memory.FreePages, peer.Vm.Pagemap.AllocationCount));
        Assert.Equal(1, machine.CpuLoad(memory.Start));
    }

    [Fact]
    public void PeersLoseTheirMappingsOfADeviceThatGoesAndFindThePagesInRam()
    {
        using var machine = new Machine(vm: new Vm.GpuVmOptions { Placement = new SystemPlacement() });
        using var peer = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        peer.Store(memory.Start, 1);
        Assert.Equal(1, machine.GpuLoad(memory.Start));
        Assert.Equal(512, peer.Device.LivePeerPages);
        Assert.Equal(SvmStatus.Done, peer.Vm.Unplug());
        Assert.Equal(0, peer.Device.LivePeerPages);
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        Assert.Equal(1, machine.GpuLoad(memory.Start));
        Assert.Equal(AddressProtocol.System, machine.Vm.PageTable.Lookup(memory.Start).Protocol);
    }

    /// <summary>A peer that asks for a mapping while the device is going: the link answers that it has gone, and the page is brought home and mapped there.</summary>
    [Fact]
    public void AMappingAskedForWhileTheDeviceGoesEndsInRam()
    {
        using var machine = new Machine(vm: new Vm.GpuVmOptions { Placement = new SystemPlacement() });
        using var peer = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        peer.Store(memory.Start, 1);
        peer.Device.BeginUnplug();
        Assert.Equal(1, machine.GpuLoad(memory.Start));
        Assert.Equal(AddressProtocol.System, machine.Vm.PageTable.Lookup(memory.Start).Protocol);
        Assert.Equal(SvmStatus.Done, peer.Vm.Unplug());
    }

    [Theory]
    [InlineData(InjectionPoint.CopyToHost)]
    [InlineData(InjectionPoint.UnplugEvict)]
    [InlineData(InjectionPoint.HostStaging)]
    public void AnUnplugTriesAgainUntilEverythingIsHome(InjectionPoint point)
    {
        using var machine = new Machine();
        using var peer = new PeerMachine(machine, placement: new Machine.AlwaysMigrate());
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int i = 0; i < 512; i++)
            peer.Store(memory.Start + ((long)i * PageSize.Bytes), i);
        Injection.Reset();
        Injection.Arm(point, 1);
        Assert.Equal(SvmStatus.Done, peer.Vm.Unplug());
        Assert.True(Injection.Hits(point) > 0);
        Injection.Reset();
        for (int i = 0; i < 512; i++)
            Assert.Equal(i, machine.CpuLoad(memory.Start + ((long)i * PageSize.Bytes)));
    }

    [Fact]
    public void ALaunchOnADeviceThatGoesFailsAndWhatItHadWrittenIsSafe()
    {
        using var machine = new KernelMachine(devices: 1);
        AddressRange memory = machine.Allocate(65536);
        PeerKernels.Counters* arguments = machine.Arguments(new PeerKernels.Counters { Address = memory.Start.Value });
        SoftwareGpuLaunch launch = machine.Start(0, &PeerKernels.HammerByWindow, arguments);
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref arguments->Started) != 0, 20_000));
        Assert.Equal(SvmStatus.Done, machine.Vms[0].Unplug());
        KernelMachine.Wait(launch);
        Assert.Equal((SvmStatus.DeviceGone, memory.Start), (launch.Status, launch.FaultAddress));
        Assert.True(machine.Load(memory.Start) > 0);
        machine.Remove(0);
    }

    /// <summary>Three devices count on the same pages; one goes in the middle. The other two count exactly, and nothing of the third's is lost or doubled.</summary>
    [Fact]
    public void ADeviceThatGoesUnderLoadDisturbsNobody()
    {
        const int Groups = 2;
        const long Times = 400;
        using var machine = new KernelMachine(devices: 3, thrash: new BackOffThrash(quietMicroseconds: 1));
        AddressRange memory = machine.Allocate(65536);
        var launches = new SoftwareGpuLaunch[3];
        PeerKernels.Counters* arguments = null;
        for (int i = 0; i < 3; i++)
        {
            arguments = machine.Arguments(new PeerKernels.Counters
            {
                Address = memory.Start.Value,
                Times = i == 2 ? long.MaxValue : Times, // The third counts until it goes.
                FirstGroup = (ulong)(i * Groups),
            });
            launches[i] = machine.Start(i, &PeerKernels.Count, arguments, Groups);
        }

        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref arguments->Started) != 0, 20_000));
        Assert.Equal(SvmStatus.Done, machine.Vms[2].Unplug());
        KernelMachine.Wait(launches[2]);
        Assert.Equal(SvmStatus.DeviceGone, launches[2].Status);
        machine.Remove(2);
        for (int i = 0; i < 2; i++)
        {
            KernelMachine.Wait(launches[i]);
            Assert.Equal("", launches[i].Message);
        }

        long[] own = new long[6];
        for (int group = 0; group < own.Length; group++)
            own[group] = machine.Load(memory.Start + 4096 + (group * 8));
        Assert.Equal([Times, Times, Times, Times], own[..4]);
        long ended = machine.Load(memory.Start) - own.Sum(); // A group may have added to the shared counter and not to its own yet.
        Assert.InRange(ended, 0, Groups);
    }

    /// <summary>The device is closed while its pages' VM is still there: its memory lives as long as somebody holds it.</summary>
    [Fact]
    public void AClosedDevicesMemoryLivesAsLongAsItsPagemap()
    {
        using var machine = new Machine();
        var device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 1 << 20, ComputeUnits = 1 });
        var vm = new Vm.GpuVm(machine.Host, device, new Vm.GpuVmOptions());
        Assert.Equal(SvmStatus.Done, vm.Unplug());
        device.Dispose();
        Assert.Equal(1, device.Holds);
        vm.Dispose();
        DeferredWork.Flush();
        Assert.Equal(0, device.Holds);
    }
}
