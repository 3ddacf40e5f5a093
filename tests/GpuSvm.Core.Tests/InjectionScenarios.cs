// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using static GpuSvm.Core.Tests.InjectedRun;

namespace GpuSvm.Core.Tests;

/// <summary>Small histories that together visit all of Core. Each builds its machine, takes it down, and asserts that nothing has leaked; sizes grow with a scale.</summary>
internal static partial class InjectionScenarios
{
    private static readonly SimulatedHostOptions _smallHost = new() { Frames = 2048 };

    private static readonly PageOrder[] _smallChunks = [PageOrder.Medium, PageOrder.Small];

    /// <summary>All of them by name. The number is 1, or more for longer runs.</summary>
    public static readonly IReadOnlyDictionary<string, Action<InjectedRun, int>> All = new Dictionary<string, Action<InjectedRun, int>>
    {
        ["faults and eviction"] = FaultsAndEviction,
        ["faults and eviction, addresses that stay"] = FaultsAndEvictionInPlace,
        ["faults and eviction behind an IOMMU"] = FaultsAndEvictionBehindIommu,
        ["huge blocks"] = HugeBlocks,
        ["peers and unplug"] = PeersAndUnplug,
        ["several devices in one VM"] = SeveralDevices,
        ["changes by the program"] = ChangesByTheProgram,
        ["ranges that die"] = RangesThatDie,
        ["user pointers"] = UserPointers,
        ["device atomics"] = DeviceAtomics,
        ["memory that is mostly read"] = MostlyRead,
        ["guaranteed time"] = GuaranteedTime,
        ["pagemaps that come and go"] = PagemapsThatComeAndGo,
        ["blocks by hand"] = BlocksByHand,
        ["reap"] = Reap,
    };

    /// <summary>First touch by both sides, migration both ways, eviction, mapping in RAM, prefetch both ways, a shortage of staging, free.</summary>
    private static void FaultsAndEviction(InjectedRun run, int scale) => TouchMoveAndEvict(run, scale, _smallHost with { StagingBlocks = 2 });

    /// <summary>The same on a memory whose pages never move to other addresses, and that tells nothing of holes.</summary>
    private static void FaultsAndEvictionInPlace(InjectedRun run, int scale) =>
        TouchMoveAndEvict(run, scale, _smallHost with { Capabilities = HostMemoryCapabilities.CpuFaults | HostMemoryCapabilities.MappingEvents });

    /// <summary>The same with device addresses that are reserved, linked and packed.</summary>
    private static void FaultsAndEvictionBehindIommu(InjectedRun run, int scale) => TouchMoveAndEvict(run, scale, _smallHost with { StagingBlocks = 2 }, iommuBytes: 16L << 20);

    private static void TouchMoveAndEvict(InjectedRun run, int scale, SimulatedHostOptions host, long iommuBytes = 0)
    {
        int blocks = 4 * scale;
        Machine machine = run.Make("machine", () => new Machine(
            devicePages: 32 * scale, host, new GpuVmOptions { ChunkOrders = _smallChunks, Placement = new MigrateMediumOnly(), CheckPagesBytes = PageOrder.Medium.Bytes }, iommuBytes: iommuBytes));
        AddressRange memory = run.Allocate(machine, (blocks * 16) + 3);
        for (int page = 1; page < memory.Pages; page += 5)
            run.CpuStore(machine, At(memory, page), page);
        for (int page = 0; page < memory.Pages; page += 3)
            run.GpuStore(machine.Vm, At(memory, page) + 8, page + 1);
        machine.Check();
        for (int page = 0; page < memory.Pages; page += 7)
            run.GpuCheck(machine.Vm, At(memory, page));
        for (int page = 2; page < memory.Pages; page += 11)
            run.CpuStore(machine, At(memory, page) + 4088, page + 2);
        AddressRange front = Part(memory, 0, 32);
        run.Try("prefetch home", () => machine.Vm.Prefetch(memory, PrefetchTarget.System, out _), () => Away(machine, memory) == 0);
        run.Try("prefetch", () => machine.Vm.Prefetch(front, PrefetchTarget.Device, out _), () => Away(machine, front) == front.Pages);
        machine.Check();
        run.Try("bring home", machine.Vm.BringHome, () => Away(machine, memory) == 0);
        run.GpuStore(machine.Vm, At(memory, 5), 55);
        run.Try("advise", () => machine.Vm.Advise(Part(memory, 16, 16), advice => advice with { NeverMigrate = true })); // A whole block in RAM.
        Assert.Equal(SvmStatus.Done, machine.Memory.DontNeed(Part(memory, 18, 3)));
        run.Forget(Part(memory, 18, 3));
        for (int page = 20; page >= 18; page--)
        {
            AddressRange one = Part(memory, page, 1); // Against the order of addresses: not in one piece.
            run.Try("populate", () => machine.Host.Populate(one, MemoryAccess.Write) is var status && status == SvmStatus.Retry ? machine.Host.Populate(one, MemoryAccess.Write) : status);
        }

        run.GpuStore(machine.Vm, At(memory, 17), 56);
        machine.Check();
        run.Compare(machine, memory);
        run.GpuStore(machine.Vm, memory.Start, 5);
        run.Free(machine, memory);
        machine.Check();
        End(machine);
    }

    /// <summary>A 2 MiB block: cleared where it is nowhere, detached in runs around pages that stay, brought home whole and page by page.</summary>
    private static void HugeBlocks(InjectedRun run, int scale)
    {
        Machine machine = run.Make("machine", () => new Machine(devicePages: 1024, new SimulatedHostOptions { Frames = 2048 }));
        for (int round = 0; round < scale; round++)
        {
            AddressRange memory = run.Allocate(machine, 512);
            run.GpuStore(machine.Vm, At(memory, 3), 1); // Holes alone.
            run.CpuStore(machine, At(memory, 4), 2); // The whole block comes back.
            run.GpuStore(machine.Vm, At(memory, 511), 3);
            run.Try("evict", () => machine.Vm.Pagemap.EvictAll(MigrationCause.Eviction), () => Away(machine, memory) == 0);
            Assert.Equal(SvmStatus.Done, machine.Memory.SetPinned(Part(memory, 200, 1), pinned: true));
            _ = machine.Fault(At(memory, 8)); // All but the pinned page go.
            Assert.Equal(SvmStatus.Done, machine.Memory.SetPinned(Part(memory, 200, 1), pinned: false));
            machine.Check();
            run.GpuStore(machine.Vm, At(memory, 200), 4);
            run.Compare(machine, memory);
            run.Free(machine, memory);
        }

        End(machine);
    }

    /// <summary>Another device maps pages where they are, takes them, is of another group and has them taken through RAM, and goes.</summary>
    private static void PeersAndUnplug(InjectedRun run, int scale)
    {
        Machine machine = run.Make("machine", () => new Machine(
            devicePages: 64, _smallHost, new GpuVmOptions { ChunkOrders = _smallChunks, Placement = new Machine.AlwaysMigrate() }));
        AddressRange memory = run.Allocate(machine, 16 * (scale + 1));
        PeerMachine peer = run.Make("peer", () => new PeerMachine(machine, devicePages: 1024));
        PeerMachine stranger = run.Make("stranger", () => new PeerMachine(machine, devicePages: 1024, placement: new Machine.AlwaysMigrate(), linkGroup: 2));
        for (int page = 0; page < memory.Pages; page += 3)
            run.GpuStore(machine.Vm, At(memory, page), page + 1);
        run.GpuStore(peer.Vm, At(memory, 1) + 8, 7); // Maps what it does not move.
        run.Try("prefetch to the peer", () => peer.Vm.Prefetch(memory, PrefetchTarget.Device, out _), () => Away(machine, memory, peer.Vm.Pagemap.Index) == memory.Pages);
        machine.Check();
        run.GpuStore(machine.Vm, At(memory, 2), 9);
        run.GpuStore(stranger.Vm, At(memory, 2) + 8, 10);
        run.Try("prefetch to the peer", () => peer.Vm.Prefetch(memory, PrefetchTarget.Device, out _), () => Away(machine, memory, peer.Vm.Pagemap.Index) == memory.Pages);
        run.GpuCheck(machine.Vm, At(memory, 2) + 8);
        run.GpuStore(stranger.Vm, At(memory, 5) + 8, 11);
        machine.Check();
        run.Try("prefetch to the peer", () => peer.Vm.Prefetch(memory, PrefetchTarget.Device, out _), () => Away(machine, memory, peer.Vm.Pagemap.Index) == memory.Pages);
        run.Try("unplug", () => peer.Vm.Unplug(), () => peer.Device.Memory.FreePages == peer.Device.Memory.Pages);
        machine.Check();
        run.Compare(machine, memory);
        stranger.Dispose();
        peer.Dispose();

        run.GpuStore(machine.Vm, memory.Start, 12);
        run.Free(machine, memory);
        End(machine);
    }

    /// <summary>One VM over two devices: shared mappings, a preferred device, advice that changes, one device that goes.</summary>
    private static void SeveralDevices(InjectedRun run, int scale)
    {
        Machine machine = run.Make("machine", () => new Machine(devicePages: 64, _smallHost, new GpuVmOptions { ChunkOrders = _smallChunks }));
        using var first = new SoftwareGpu.SoftwareGpuDevice(new SoftwareGpu.SoftwareGpuOptions { MemoryBytes = 32 * PageSize.Bytes, ComputeUnits = 1 });
        using var second = new SoftwareGpu.SoftwareGpuDevice(new SoftwareGpu.SoftwareGpuOptions { MemoryBytes = 32 * PageSize.Bytes, ComputeUnits = 1 });
        GpuVm vm = run.Make("VM", () => new GpuVm(machine.Host, [first, second], new GpuVmOptions { ChunkOrders = _smallChunks, Placement = new SystemPlacement(), ShareMappings = true }));
        machine.Peers.Add(vm);
        AddressRange memory = run.Allocate(machine, 32 * scale);
        run.CpuStore(machine, At(memory, 1), 1);
        run.GpuStore(vm, At(memory, 1) + 8, 2);
        run.Try("advise", () => vm.Advise(Part(memory, 0, 16), advice => advice with { Preferred = PreferredLocation.OnDevice(1), AccessedBy = 3 }));
        run.GpuStore(vm, At(memory, 2), 3);
        run.GpuCheck(vm, At(memory, 1), device: 1);
        run.Try("advise", () => vm.Advise(Part(memory, 8, 24), advice => advice with { Granularity = PageOrder.Small, Preferred = PreferredLocation.OnDevice(0) }));
        run.GpuStore(vm, At(memory, 9), 4, device: 1);
        run.GpuStore(vm, At(memory, 20), 5, device: 1);
        machine.Check();
        run.Try("unplug", () => vm.Unplug(device: 1), () => second.Memory.FreePages == second.Memory.Pages);
        run.GpuCheck(vm, At(memory, 2));
        run.Compare(machine, memory);
        run.Free(machine, memory);
        vm.Collect();
        machine.Peers.Remove(vm);
        vm.Dispose();

        Assert.Equal((first.Memory.Pages, second.Memory.Pages, 0L, 0L), (first.Memory.FreePages, second.Memory.FreePages, first.DmaMapper.LivePages, second.DmaMapper.LivePages));
        End(machine);
    }

    /// <summary>A VM that goes and comes while its pages are out, pagemaps that are idle, revived, and given up when memory is short.</summary>
    private static void PagemapsThatComeAndGo(InjectedRun run, int scale)
    {
        Machine machine = run.Make("machine", () => new Machine(devicePages: 64, _smallHost, new GpuVmOptions { ChunkOrders = _smallChunks, Placement = new Machine.AlwaysMigrate() }));
        AddressRange memory = run.Allocate(machine, 32);
        run.CpuStore(machine, At(memory, 3), 4);
        for (int round = 0; round < 2 * scale; round++)
        {
            PeerMachine peer = run.Make("peer", () => new PeerMachine(machine, devicePages: 64, placement: new Machine.AlwaysMigrate()));
            run.GpuStore(peer.Vm, At(memory, round), round + 1);
            run.GpuStore(machine.Vm, At(memory, 16), round + 5);
            run.Try("evict all", () => machine.Vm.Pagemap.EvictAll(MigrationCause.Eviction), () => machine.Vm.Pagemap.AllocationCount == 0);
            run.GpuStore(peer.Vm, At(memory, 17), round + 6); // Its pages come home when it ends.
            machine.Check();
            peer.Dispose();

            Assert.Equal(0, machine.Vm.Shrink());
        }

        run.Compare(machine, memory);
        run.Free(machine, memory);
        End(machine);
    }

    /// <summary>Takes a machine down and looks for leaks, once nobody works on what has been let go of.</summary>
    private static void End(Machine machine)
    {
        DeferredWork.Flush();
        machine.Dispose();
    }

    /// <summary>Moves medium ranges, and maps the small ones at the tail in RAM, so that both ways are taken.</summary>
    private sealed class MigrateMediumOnly : IPlacementPolicy
    {
        public bool ShouldMigrate(in PlacementFacts facts) => facts.IsMigratable && facts.Bytes >= PageOrder.Medium.Bytes;
    }
}
