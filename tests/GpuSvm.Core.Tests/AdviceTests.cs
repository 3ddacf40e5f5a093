// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>What faults make of advice.</summary>
public sealed class AdviceTests
{
    [Fact]
    public void MemoryThatIsToStayInRamIsMappedThereUntilTheAdviceIsTakenBack()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { NeverMigrate = true }));
        machine.GpuStore(memory.Start, 1);
        Assert.False(machine.IsOnDevice(memory.Start));
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, _ => default));
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent); // The next touch goes by the new advice.
        machine.Check();
        machine.GpuStore(memory.Start + 8, 2);
        Assert.True(machine.IsOnDevice(memory.Start));
        Assert.Equal(1, machine.CpuLoad(memory.Start));
    }

    [Fact]
    public void AGranularityMakesSmallRanges()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { Granularity = PageOrder.Medium }));
        machine.GpuStore(memory.Start, 1);
        Assert.True(machine.IsOnDevice(memory.Start + (15 * PageSize.Bytes)));
        Assert.False(machine.IsOnDevice(memory.Start + (16 * PageSize.Bytes)));
        machine.Check();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AdviceOutlivesTheMappingUnlessItIsReset(bool resets)
    {
        using var machine = new Machine(vm: new GpuVmOptions { Placement = new Machine.AlwaysMigrate(), ResetAdviceOnUnmap = resets });
        AddressRange probe = machine.Allocate(PageSize.HugeBytes);
        AddressRange mapped = AddressRange.OfBytes(probe.End + (64L * PageSize.HugeBytes), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes));
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(mapped, advice => advice with { NeverMigrate = true }));
        machine.GpuStore(mapped.Start, 1);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes));
        machine.GpuStore(mapped.Start, 1);
        Assert.Equal(resets, machine.IsOnDevice(mapped.Start));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
        machine.Vm.Collect();
    }

    [Fact]
    public void PagesGoToThePreferredDeviceAndTheOthersReachThemThere()
    {
        var memory = new SimulatedHostMemory();
        using var host = new Host.HostAddressSpace(memory);
        using var first = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var second = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var vm = new GpuVm(host, [first, second], new GpuVmOptions { Placement = new Policies.SystemPlacement() });
        Assert.Equal(SvmStatus.Done, host.Allocate(PageSize.HugeBytes, out AddressRange interval));
        Assert.Equal(SvmStatus.Done, vm.Advise(interval, advice => advice with { Preferred = PreferredLocation.OnDevice(1), AccessedBy = 3 }));
        Assert.Equal(SvmStatus.Done, vm.FaultHandler.Handle(new GpuFault(interval.Start, MemoryAccess.Write, vm.AddressSpaceId, 0, 0)));
        Assert.Equal(AddressProtocol.Peer, vm.Devices[0].PageTable.Lookup(interval.Start).Protocol);
        Assert.Equal(AddressProtocol.LocalMemory, vm.Devices[1].PageTable.Lookup(interval.Start).Protocol); // Accessed by both: one fault has fed both.
        Assert.Equal(1, vm.Counters.SharedMaps);
        Assert.Empty(Diagnostics.InvariantChecker.Check(vm));
    }

    [Fact]
    public void ADeniedDeviceFailsWithTheReasonAndTheCpuGoesOn()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 5);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { DeniedTo = 1 }));
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        Assert.Equal(SvmStatus.AccessDenied, machine.Fault(memory.Start, MemoryAccess.Read));
        Assert.Equal(5, machine.CpuLoad(memory.Start));
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { DeniedTo = 2 })); // Another device.
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
        machine.Check();
    }

    [Fact]
    public void AtomicsGoByTheirMode()
    {
        using var machine = new Machine(vm: new GpuVmOptions { Placement = new Policies.SystemPlacement() });
        AddressRange memory = machine.Allocate(4L * PageSize.HugeBytes);
        AtomicMode[] modes = [AtomicMode.Undefined, AtomicMode.Device, AtomicMode.System, AtomicMode.Global];
        VirtualAddress At(AtomicMode mode) => memory.Start + ((long)mode * PageSize.HugeBytes);
        foreach (AtomicMode mode in modes)
            Assert.Equal(SvmStatus.Done, machine.Vm.Advise(AddressRange.OfBytes(At(mode), PageSize.HugeBytes), advice => advice with { Atomics = mode }));
        Assert.Equal(
            [SvmStatus.Done, SvmStatus.Done, SvmStatus.AccessDenied, SvmStatus.Done], modes.Select(mode => machine.Fault(At(mode), MemoryAccess.Atomic)));
        Assert.Equal([false, true, false, false], modes.Select(mode => machine.IsOnDevice(At(mode))));
        Assert.Equal(SvmStatus.Done, machine.Fault(At(AtomicMode.System), MemoryAccess.Write)); // Only atomics are denied.
        Assert.Equal(SvmStatus.AccessDenied, machine.Fault(At(AtomicMode.System), MemoryAccess.Atomic)); // Also where a writable mapping is there already.
        machine.Check();
    }

    [Fact]
    public void AnAtomicForEverybodyNeverDoesWithAPlainMapping()
    {
        using var machine = new Machine();
        AddressRange probe = machine.Allocate(PageSize.HugeBytes);
        var file = AddressRange.OfBytes(probe.End + (64L * PageSize.HugeBytes), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(file.Start, file.Bytes, anonymous: false));
        Assert.Equal(SvmStatus.Done, machine.Fault(file.Start, MemoryAccess.Atomic));
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(file, advice => advice with { Atomics = AtomicMode.Global }));
        Assert.Equal(SvmStatus.AccessDenied, machine.Fault(file.Start, MemoryAccess.Atomic));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(file));
        machine.Vm.Collect();
    }
}
