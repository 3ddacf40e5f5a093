// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using static GpuSvm.Core.Tests.InjectedRun;

namespace GpuSvm.Core.Tests;

/// <content>What the program does to its mappings, and memory that devices reach in other ways.</content>
internal static partial class InjectionScenarios
{
    private static readonly VirtualAddress _window = new((1UL << 47) + (3 << 21));

    /// <summary>Partial unmap with split, remap, protection, discard, advice that is forgotten at unmap and advice that is kept.</summary>
    private static void ChangesByTheProgram(InjectedRun run, int scale) => Change(run, scale, PartialUnmapMode.Split, resets: true);

    /// <summary>The same where ranges die that have lost a part, and advice is kept.</summary>
    private static void RangesThatDie(InjectedRun run, int scale) => Change(run, scale, PartialUnmapMode.Kill, resets: false);

    private static void Change(InjectedRun run, int scale, PartialUnmapMode mode, bool resets)
    {
        Machine machine = run.Make("machine", () => new Machine(devicePages: 64, _smallHost, new GpuVmOptions
        {
            ChunkOrders = _smallChunks, Placement = new Machine.AlwaysMigrate(), PartialUnmap = mode, ResetAdviceOnUnmap = resets,
        }));
        AddressRange memory = run.Map(machine, 0, 48 * scale);
        run.Try("advise", () => machine.Vm.Advise(Part(memory, 20, 8), advice => advice with { NeverMigrate = true }));
        run.Try("advise", () => machine.Vm.Advise(Part(memory, 40, 8), advice => advice with { IsReadMostly = true }));
        for (int page = 0; page < memory.Pages; page += 2)
            run.GpuStore(machine.Vm, At(memory, page), page + 1);

        // A hole in the middle of a range on the device, and one in a range in RAM.
        foreach ((int first, int pages) in ((int, int)[])[(5, 3), (21, 2), (44, 4)])
        {
            Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(memory, first, pages)));
            run.Forget(Part(memory, first, pages));
            machine.Vm.Collect();
            machine.Check();
        }

        run.GpuCheck(machine.Vm, At(memory, 8));
        run.GpuStore(machine.Vm, At(memory, 4), 9);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(At(memory, 5), 3 * PageSize.Bytes));
        run.GpuStore(machine.Vm, At(memory, 6), 10);
        run.Compare(machine, Part(memory, 0, 20));

        // The mapping moves while its pages are on the device, and then in RAM.
        AddressRange from = Part(memory, 32, 8);
        run.GpuStore(machine.Vm, At(from, 1), 77);
        for (int round = 0; round < 2; round++)
        {
            AddressRange to = AddressRange.OfPages(new VirtualAddress(0x2000_4000_0000UL + ((ulong)round << 24) + (3UL << 12)), 8);
            Assert.Equal(SvmStatus.Done, machine.Memory.Remap(from, to.Start));
            run.Move(from, to.Start);
            run.GpuCheck(machine.Vm, At(to, 1));
            run.Compare(machine, to);
            from = to;
        }

        // Rights that go and come, and pages given up.
        AddressRange part = Part(memory, 0, 4);
        run.GpuStore(machine.Vm, part.Start, 11);
        run.Try("prefetch home", () => machine.Vm.Prefetch(part, PrefetchTarget.System, out _), () => Away(machine, part) == 0);
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(part, HostProtection.ReadOnly));
        run.GpuCheck(machine.Vm, part.Start);
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(part, HostProtection.ReadWrite));
        run.GpuStore(machine.Vm, part.Start, 12);
        Assert.Equal(SvmStatus.Done, machine.Memory.DontNeed(part));
        run.Forget(part);
        run.GpuCheck(machine.Vm, part.Start);
        run.GpuStore(machine.Vm, At(part, 1), 13);
        run.Try("advise", () => machine.Vm.Advise(Part(memory, 18, 30), _ => default));
        run.Compare(machine, part);
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(memory));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(from));
        machine.Vm.Collect();
        End(machine);
    }

    /// <summary>Memory that is named in advance and shown at an address of its own, beside faulted memory at the same addresses .</summary>
    private static void UserPointers(InjectedRun run, int scale)
    {
        Machine machine = run.Make("machine", () => new Machine(devicePages: 64, _smallHost, new GpuVmOptions { ChunkOrders = _smallChunks, Placement = new Machine.AlwaysMigrate() }));
        AddressRange memory = run.Map(machine, 0, 20 * scale);
        GpuUserptr? userptr = null;
        run.Try("bind", () => machine.Vm.BindUserptr(memory, _window + (3 * PageSize.Bytes), isReadOnly: false, out userptr));
        VirtualAddress shown = userptr!.GpuInterval.Start;
        run.CpuStore(machine, At(memory, 2), 1);
        run.Try("validate", () => userptr.Validate(0), () => machine.Vm.PageTable.Lookup(shown).IsPresent);
        run.GpuStore(machine.Vm, At(memory, 5), 2, shown: shown + (5 * PageSize.Bytes));
        run.GpuStore(machine.Vm, At(memory, 6), 3); // Takes the pages to the device.
        run.GpuCheck(machine.Vm, At(memory, 6), shown: shown + (6 * PageSize.Bytes)); // And the user pointer home.
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(memory.Start, memory.Bytes)); // MAP_FIXED over it.
        run.Forget(memory);
        run.GpuStore(machine.Vm, At(memory, 7), 4, shown: shown + (7 * PageSize.Bytes));
        run.Compare(machine, memory);
        run.Try("validate", () => userptr.Validate(0), () => machine.Vm.PageTable.Lookup(shown).IsPresent);
        run.Try("unbind", () => machine.Vm.UnbindUserptr(userptr), () => !machine.Vm.PageTable.Lookup(shown).IsPresent);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(memory));
        machine.Vm.Collect();
        End(machine);
    }

    /// <summary>Atomics of two devices that do not share an owner and of the CPU, on more pages than there are holds for.</summary>
    private static void DeviceAtomics(InjectedRun run, int scale)
    {
        Machine machine = run.Make("machine", () => new Machine(
            devicePages: 64, _smallHost with { StagingBlocks = 3 }, new GpuVmOptions { ChunkOrders = _smallChunks, Placement = new SystemPlacement() }));
        AddressRange memory = run.Map(machine, 0, 64 * scale);
        PeerMachine peer = run.Make("peer", () => new PeerMachine(machine, devicePages: 1024, linkGroup: 2));
        for (int page = 0; page < memory.Pages; page += 16)
        {
            run.CpuStore(machine, At(memory, page), page);
            run.GpuAdd(machine.Vm, At(memory, page), 1);
        }

        run.GpuAdd(peer.Vm, At(memory, 16), 2);
        run.GpuAdd(machine.Vm, At(memory, 16), 3);
        run.CpuStore(machine, At(memory, 48) + 8, 5); // Just that page comes back.
        machine.Check();
        AddressRange from = Part(memory, 48, 16);
        var to = new VirtualAddress(0x2000_5000_3000UL);
        run.GpuAdd(machine.Vm, At(memory, 49), 6);
        Assert.Equal(SvmStatus.Done, machine.Memory.Remap(from, to)); // The hold finds its pages there.
        run.Move(from, to);
        run.Compare(machine, AddressRange.OfBytes(to, from.Bytes));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(AddressRange.OfBytes(to, from.Bytes)));
        run.GpuAdd(machine.Vm, At(memory, 1), 7);
        run.Try("put back", () => machine.Host.RestoreExclusive(memory), () => machine.Host.ExclusivePages == 0);
        run.GpuAdd(machine.Vm, At(memory, 2), 8);
        run.Try("prefetch", () => peer.Vm.Prefetch(Part(memory, 0, 16), PrefetchTarget.Device, out _), () => Away(machine, Part(memory, 0, 16), peer.Vm.Pagemap.Index) == 16);
        run.GpuAdd(machine.Vm, At(memory, 3), 9);
        machine.Check();
        run.Compare(machine, Part(memory, 0, 48));
        peer.Dispose();

        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(memory, 0, 48)));
        machine.Vm.Collect();
        Assert.Equal(0, machine.Host.ExclusivePages);
        End(machine);
    }

    /// <summary>Copies on two devices, on one of them more than fit beside its pages; writes of each side, prefetch, a part unmapped, contents given up.</summary>
    private static void MostlyRead(InjectedRun run, int scale)
    {
        Machine machine = run.Make("machine", () => new Machine(devicePages: 64 * scale, _smallHost with { StagingBlocks = 2 }, new GpuVmOptions { ChunkOrders = _smallChunks, Placement = new Machine.AlwaysMigrate() }));
        AddressRange memory = run.Map(machine, 0, 96 * scale);
        PeerMachine peer = run.Make("peer", () => new PeerMachine(machine, devicePages: 1024, placement: new Machine.AlwaysMigrate()));
        foreach (GpuVm vm in new[] { machine.Vm, peer.Vm })
            run.Try("advise", () => vm.Advise(Part(memory, 0, 80), advice => advice with { IsReadMostly = true }));
        for (int page = 0; page < memory.Pages; page += 8)
            run.CpuStore(machine, At(memory, page), page + 1);
        for (int page = 0; page < memory.Pages; page += 8)
        {
            run.GpuCheck(machine.Vm, At(memory, page));
            run.GpuCheck(peer.Vm, At(memory, page));
        }

        machine.Check();
        run.GpuStore(machine.Vm, At(memory, 8), 100);
        run.GpuCheck(peer.Vm, At(memory, 8));
        run.CpuStore(machine, At(memory, 24) + 8, 101);
        run.GpuStore(peer.Vm, At(memory, 40), 102);
        run.Try("prefetch", () => machine.Vm.Prefetch(Part(memory, 16, 32), PrefetchTarget.Device, out _), () => machine.Vm.PageTable.Lookup(At(memory, 33)).IsPresent);
        run.GpuCheck(machine.Vm, At(memory, 40));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(Part(memory, 20, 3)));
        run.Forget(Part(memory, 20, 3));
        machine.Vm.Collect();
        peer.Vm.Collect();
        run.GpuCheck(machine.Vm, At(memory, 24));
        Assert.Equal(SvmStatus.Done, machine.Memory.DontNeed(Part(memory, 32, 16)));
        run.Forget(Part(memory, 32, 16));
        run.GpuCheck(machine.Vm, At(memory, 32));
        machine.Check();
        run.Compare(machine, Part(memory, 0, 16));
        peer.Dispose();
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(memory));
        machine.Vm.Collect();
        End(machine);
    }

    /// <summary>Pages that stay on the device for a while although the CPU touches them, and an eviction in that time.</summary>
    private static void GuaranteedTime(InjectedRun run, int scale)
    {
        var time = new ManualTime();
        Machine machine = run.Make("machine", () => new Machine(devicePages: 32, _smallHost, new GpuVmOptions
        {
            ChunkOrders = _smallChunks, Placement = new Machine.AlwaysMigrate(), Timeslice = TimeSpan.FromMilliseconds(10),
        }, time));
        AddressRange memory = run.Allocate(machine, 32);
        for (int round = 0; round < 2 * scale; round++)
        {
            run.GpuStore(machine.Vm, At(memory, 1), round + 1);
            run.GpuStore(machine.Vm, At(memory, 16), round + 2);
            Task touch = Task.Factory.StartNew(() => run.CpuStore(machine, At(memory, 2), round + 3), TaskCreationOptions.LongRunning);
            SpinWait.SpinUntil(() => touch.IsCompleted || (machine.Memory.FaultedThreads == 1 && machine.Host.Counters.CpuFaults > round), 10_000);
            run.Try("evict", () => machine.Vm.Pagemap.EvictOne() is var status && status == SvmStatus.OutOfDeviceMemory ? SvmStatus.Done : status); // Does not care, and wakes whom it concerns.
            time.Advance(TimeSpan.FromMilliseconds(20));
            Assert.True(touch.Wait(10_000), "The end of the time woke nobody.");
            machine.Check();
        }

        time.Advance(TimeSpan.FromSeconds(1));
        run.Compare(machine, memory);
        run.Free(machine, memory);
        End(machine);
    }

    /// <summary>A driver that takes blocks itself: all or nothing, moves within the device, blocks given up, an interval evicted.</summary>
    private static void BlocksByHand(InjectedRun run, int scale)
    {
        Machine machine = run.Make("machine", () => new Machine(devicePages: 64, _smallHost, new GpuVmOptions { ChunkOrders = [PageOrder.Small], Placement = new Machine.AlwaysMigrate() }));
        AddressRange memory = run.Allocate(machine, 16 * scale);
        AddressRange block = Part(memory, 0, 16);
        HostWorkspace? rented = null;
        run.Try("workspace", () => (rented = machine.Host.TryRentWorkspace()) is null ? SvmStatus.OutOfHostMemory : SvmStatus.Done);
        HostWorkspace workspace = rented!;
        for (int page = 0; page < 16; page += 2)
            run.GpuStore(machine.Vm, At(block, page), page + 1); // In pieces.
        run.CpuStore(machine, At(block, 3), 4);
        int index = machine.Vm.Pagemap.Index;
        var whole = new MigrationDetails(AllOrNothing: true, CanMigrateSamePagemap: true);
        run.Try("populate", () => machine.Vm.Pagemap.Populate(block, whole, MigrationCause.Prefetch, workspace, out _), () => Away(machine, block, index) == 16);
        machine.Check();
        run.Try("evict", () => machine.Vm.Pagemap.EvictInterval(block, MigrationCause.Eviction, workspace, out _), () => Away(machine, block) == 0);
        run.CpuStore(machine, At(block, 9), 5);
        run.Try("migrate", () =>
        {
            SvmStatus status = machine.Vm.Pagemap.Allocate(PageOrder.Medium, clear: true, out DeviceAllocation? allocation);
            return status == SvmStatus.Done ? machine.Vm.Pagemap.MigrateToDevice(allocation!, block, default, MigrationCause.Prefetch, workspace, out _) : status;
        }, () => Away(machine, block, index) == 16);
        run.Try("discard", () =>
        {
            SvmStatus status = machine.Vm.Pagemap.Allocate(PageOrder.Medium, clear: true, out DeviceAllocation? allocation);
            if (status == SvmStatus.Done)
                machine.Vm.Pagemap.Discard(allocation!);
            return status;
        });
        machine.Check();
        run.Try("populate", () => machine.Host.Populate(block, MemoryAccess.Write) is var status && status == SvmStatus.Retry ? machine.Host.MigrateHome(block, MigrationCause.HostFault) : status);
        run.Try("populate", () => machine.Host.Populate(block, MemoryAccess.Write));
        run.Compare(machine, memory);
        machine.Host.ReturnWorkspace(workspace);
        run.Free(machine, memory);
        End(machine);
    }

    /// <summary>A process whose memory is taken at once .</summary>
    private static void Reap(InjectedRun run, int scale)
    {
        Machine machine = run.Make("machine", () => new Machine(devicePages: 64, _smallHost, new GpuVmOptions { ChunkOrders = _smallChunks, Placement = new Machine.AlwaysMigrate() }));
        AddressRange memory = run.Allocate(machine, 16 * scale);
        AddressRange other = run.Allocate(machine, 4);
        run.CpuStore(machine, memory.Start, 1);
        run.CpuStore(machine, other.Start, 2);
        run.Try("reap", machine.Host.TryReap, () => machine.Host.IsReaped);
        Assert.Equal(SvmStatus.ProcessGone, machine.Memory.CpuWrite(memory.Start, [1]));
        Assert.Equal(0, machine.Memory.FramesInUse);
        run.Free(machine, memory);
        run.Free(machine, other);
        End(machine);
    }
}
