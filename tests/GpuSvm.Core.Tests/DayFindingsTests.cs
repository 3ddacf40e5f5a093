// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;
using static GpuSvm.Core.Tests.InjectedRun;

namespace GpuSvm.Core.Tests;

/// <summary>What days' histories have found (<see cref="DayTests"/>), each as short as it became.</summary>
public sealed class DayFindingsTests
{
    private static readonly PageOrder[] _smallChunks = [PageOrder.Small];

    [Theory]
    [InlineData(MemoryAccess.Read)]
    [InlineData(MemoryAccess.Write)]
    public void ForbiddingToWriteAPartOfARangeDoesNotKeepTheDeviceFromTheRest(MemoryAccess access)
    {
        using var machine = new Machine();
        AddressRange memory = Map(machine, 512);
        machine.GpuStore(memory.Start, 1); // One range of 2 MiB.
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(Part(memory, 100, 5), HostProtection.ReadOnly)); // Nobody is told.
        machine.CpuStore(At(memory, 7), 2); // The range comes home.
        foreach (int page in (int[])[0, 7, 200, 511])
            Assert.Equal(SvmStatus.Done, machine.Fault(At(memory, page), access));
        Assert.Equal(SvmStatus.Done, machine.Fault(At(memory, 102), MemoryAccess.Read));
        Assert.Equal(SvmStatus.ReadOnly, machine.Fault(At(memory, 102)));
        Assert.Equal((1L, 2L), (machine.GpuLoad(memory.Start), machine.GpuLoad(At(memory, 7))));
        machine.Check();
        Unmap(machine, memory);
    }

    [Fact]
    public void APrefetchReachesWhatMayBeWrittenOfARangeThatHasBeenCut()
    {
        using var machine = new Machine();
        AddressRange memory = Map(machine, 512);
        machine.GpuStore(memory.Start, 1);
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(Part(memory, 256, 256), HostProtection.ReadOnly));
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.System, out _));
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(Part(memory, 0, 256), PrefetchTarget.Device, out PrefetchResult result));
        Assert.Equal(0, result.FailedBytes);
        Assert.Equal(256, Away(machine, Part(memory, 0, 256)));
        machine.Check();
        Unmap(machine, memory);
    }

    /// <summary>Little RAM for staging makes a migration come in parts, and a device smaller than the whole gives up one part for the next: that went round for ever.</summary>
    [Fact]
    public void APrefetchOfMoreThanFitsEndsWhereStagingIsShortToo()
    {
        using var machine = new Machine(devicePages: 64, host: new SimulatedHostOptions { Frames = 530 }, vm: new GpuVmOptions { ChunkOrders = [PageOrder.Huge, PageOrder.Small], Placement = new Machine.AlwaysMigrate() });
        AddressRange memory = Map(machine, 512);
        for (int page = 0; page < 512; page++)
            machine.CpuStore(At(memory, page), page);
        Assert.NotEqual(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out PrefetchResult result));
        Assert.True(result.FailedBytes > 0);
        for (int page = 0; page < 512; page++)
            Assert.Equal(page, machine.CpuLoad(At(memory, page)));
        machine.Check();
        Unmap(machine, memory);
    }

    /// <summary>Where staging comes in halves and the first half was on the device, only that half was moved, from one block to another, again and again: what was missing never came.</summary>
    [Fact]
    public void APrefetchBringsTheMissingHalfWhereStagingIsShort()
    {
        using var machine = new Machine(devicePages: 2048, host: new SimulatedHostOptions { Frames = 530 });
        AddressRange memory = Map(machine, 512);
        for (int page = 0; page < 512; page++)
            machine.CpuStore(At(memory, page), page);
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(Part(memory, 0, 256), PrefetchTarget.Device, out _));
        Assert.Equal(256, Away(machine, memory));
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out PrefetchResult result));
        Assert.Equal(new PrefetchResult(memory.Bytes, memory.Bytes / 2, memory.Bytes / 2, 0), result);
        for (int page = 0; page < 512; page++)
            Assert.Equal(page, machine.GpuLoad(At(memory, page)));
        machine.Check();
        Unmap(machine, memory);
    }

    [Fact]
    public void AJobGetsMemoryOfWhichAPartMayOnlyBeRead()
    {
        using var machine = new JobMachine();
        var memory = AddressRange.OfPages(new VirtualAddress(0x2000_0000_0000UL), 512);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(memory.Start, memory.Bytes));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(machine.Begin(new JobMemory(memory, MemoryAccess.Write))));
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(Part(memory, 256, 256), HostProtection.ReadOnly));
        machine.Store(memory.Start, 5); // The range comes home.
        GpuJob job = machine.Begin(new JobMemory(Part(memory, 0, 256), MemoryAccess.Write), new JobMemory(Part(memory, 256, 256), MemoryAccess.Read));
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal(SvmStatus.ReadOnly, machine.Vm.BeginJob([new JobMemory(memory, MemoryAccess.Write)], out _, out VirtualAddress failedAt));
        Assert.Equal(At(memory, 256), failedAt);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(memory));
        machine.Vm.Collect();
    }

    [Fact]
    public void APrefetchGoesOverTheBoundaryOfTwoMappings()
    {
        using var machine = new Machine();
        AddressRange memory = Map(machine, 64);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(At(memory, 32), 32 * PageSize.Bytes));
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out PrefetchResult result));
        Assert.Equal(new PrefetchResult(memory.Bytes, 0, memory.Bytes, 0), result);
        machine.Check();
        Unmap(machine, memory);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WhatFollowsAFaultDoesNotTakeItsPlaceForEver(bool isPinned)
    {
        using var machine = new Machine(devicePages: 3, vm: new GpuVmOptions { ChunkOrders = _smallChunks, Prefetch = new SequentialPrefetch(), Thrash = null });
        AddressRange memory = machine.Allocate(32 * PageSize.Bytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(Part(memory, 1, 31), advice => advice with { IsPinned = isPinned }));
        for (int page = 0; page < 32; page++)
            machine.GpuStore(At(memory, page), page);
        for (int page = 0; page < 32; page++)
            Assert.Equal(page, machine.GpuLoad(At(memory, page)));
    }

    [Fact]
    public void WhatIsDeniedIsNotReachedThroughItsNeighbours()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        AddressRange denied = Part(memory, 100, 5);
        machine.GpuStore(memory.Start, 1); // One range of 2 MiB.
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(denied, advice => advice with { DeniedTo = 1 }));
        foreach (int page in (int[])[0, 99, 105, 511])
            Assert.Equal(SvmStatus.Done, machine.Fault(At(memory, page)));
        for (VirtualAddress at = denied.Start; at < denied.End; at += PageSize.Bytes)
        {
            Assert.False(machine.Vm.PageTable.Lookup(at).IsPresent);
            Assert.Equal(SvmStatus.AccessDenied, machine.Fault(at, MemoryAccess.Read));
        }

        Assert.Equal(1, machine.GpuLoad(memory.Start));
        machine.Check();
    }

    [Fact]
    public void AJobIsRefusedForMemoryOfWhichAPartIsDenied()
    {
        using var machine = new JobMachine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(Part(memory, 7, 1), advice => advice with { DeniedTo = 1 }));
        Assert.Equal(SvmStatus.AccessDenied, machine.Vm.BeginJob([new JobMemory(memory, MemoryAccess.Read)], out _, out VirtualAddress failedAt));
        Assert.Equal(At(memory, 7), failedAt);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ADeniedDeviceIsNotGivenWhatAnotherFaultsIn(bool isShared)
    {
        var memory = new SimulatedHostMemory();
        using var host = new HostAddressSpace(memory);
        using var first = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var second = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var vm = new GpuVm(host, [first, second], new GpuVmOptions { ShareMappings = isShared });
        Assert.Equal(SvmStatus.Done, host.Allocate(PageSize.HugeBytes, out AddressRange interval));
        Assert.Equal(SvmStatus.Done, vm.Advise(interval, advice => advice with { DeniedTo = 2, AccessedBy = 3 }));
        Assert.Equal(SvmStatus.Done, vm.FaultHandler.Handle(new GpuFault(interval.Start, MemoryAccess.Write, vm.AddressSpaceId, 0, 0)));
        Assert.True(vm.Devices[0].PageTable.Lookup(interval.Start).IsPresent);
        Assert.False(vm.Devices[1].PageTable.Lookup(interval.Start).IsPresent);
        Assert.Empty(InvariantChecker.Check(vm));
    }

    [Fact]
    public void AWriteOfOneDeviceTakesTheCopyOfAnotherAwayAlsoWhereMappingsAreShared()
    {
        var memory = new SimulatedHostMemory();
        using var host = new HostAddressSpace(memory);
        using var first = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var second = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var vm = new GpuVm(host, [first, second], new GpuVmOptions { ShareMappings = true, Placement = new SystemPlacement() });
        Assert.Equal(SvmStatus.Done, host.Allocate(PageSize.HugeBytes, out AddressRange interval));
        Assert.Equal(SvmStatus.Done, vm.Advise(interval, advice => advice with { IsReadMostly = true }));
        Assert.Equal(SvmStatus.Done, vm.FaultHandler.Handle(new GpuFault(interval.Start, MemoryAccess.Read, vm.Devices[0].AddressSpaceId, 0, 0)));
        Assert.Equal(AddressProtocol.LocalMemory, vm.Devices[0].PageTable.Lookup(interval.Start).Protocol);
        Assert.Equal(SvmStatus.Done, vm.FaultHandler.Handle(new GpuFault(interval.Start, MemoryAccess.Write, vm.Devices[1].AddressSpaceId, 0, 0), device: 1));
        Assert.NotEqual(AddressProtocol.LocalMemory, vm.Devices[0].PageTable.Lookup(interval.Start) is { IsPresent: true } entry ? entry.Protocol : AddressProtocol.System);
        Assert.Empty(InvariantChecker.Check(vm));
    }

    [Fact]
    public void AdviceThatIsGivenAfterAnUnmapIsKept()
    {
        using var machine = new Machine(vm: new GpuVmOptions { ResetAdviceOnUnmap = true });
        AddressRange memory = Map(machine, 512);
        machine.GpuStore(memory.Start, 1);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(memory)); // The range waits to be collected.
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(memory.Start, memory.Bytes));
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { DeniedTo = 1 }));
        Assert.Equal(SvmStatus.AccessDenied, machine.Fault(memory.Start));
        Unmap(machine, memory);
    }

    /// <summary>What the second VM's collection brings home was counted for the first one already: the checker called that a leak.</summary>
    [Fact]
    public void TheCheckerCountsAfterAllHaveCollected()
    {
        var memory = new SimulatedHostMemory();
        using var host = new HostAddressSpace(memory);
        using var first = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var second = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
        using var looks = new GpuVm(host, first, new GpuVmOptions { ChunkOrders = _smallChunks, Placement = new SystemPlacement() });
        using var dies = new GpuVm(host, second, new GpuVmOptions { PartialUnmap = PartialUnmapMode.Kill });
        var interval = AddressRange.OfPages(new VirtualAddress(0x2000_0000_0000UL), 512);
        Assert.Equal(SvmStatus.Done, memory.Map(interval.Start, interval.Bytes));
        Assert.Equal(SvmStatus.Done, dies.FaultHandler.Handle(new GpuFault(interval.Start, MemoryAccess.Write, dies.AddressSpaceId, 0, 0)));
        Assert.Equal(SvmStatus.Done, looks.FaultHandler.Handle(new GpuFault(At(interval, 8), MemoryAccess.Read, looks.AddressSpaceId, 0, 0)));
        Assert.Equal(SvmStatus.Done, memory.Unmap(Part(interval, 100, 1)));
        Assert.Equal(1, first.LivePeerPages + second.LivePeerPages);
        Assert.Empty(InvariantChecker.Check([looks, dies]));
        Assert.Equal(0, first.LivePeerPages + second.LivePeerPages);
    }

    private static AddressRange Map(Machine machine, int pages)
    {
        var interval = AddressRange.OfPages(new VirtualAddress(0x2000_0000_0000UL), pages);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(interval.Start, interval.Bytes));
        return interval;
    }

    private static void Unmap(Machine machine, AddressRange interval)
    {
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(interval));
        machine.Vm.Collect();
    }
}
