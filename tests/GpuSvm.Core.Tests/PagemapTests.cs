// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>Device memory as a home for pages: blocks that are cut, populating the missing part, what comes home, and what calls say they did.</summary>
public sealed class PagemapTests
{
    /// <summary>R-16: what is left keeps its owner and its bytes.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(7, 1)]
    [InlineData(128, 256)]
    [InlineData(500, 12)]
    public void ThePartOfABlockThatIsUnmappedGoesBackToTheDeviceAtOnce(int first, int pages)
    {
        using var machine = new Machine();
        AddressRange mapped = MapHuge(machine);
        for (int i = 0; i < 512; i++)
            machine.GpuStore(At(mapped, i), i + 1);
        int kept = first == 0 ? 511 : 0;
        DeviceFrame frame = FrameOf(machine, At(mapped, kept));
        ZoneDeviceData owner = machine.Vm.Pagemap.ZoneDataOf(frame)!;
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(AddressRange.OfPages(At(mapped, first), pages)));
        Assert.Equal(512 - pages, machine.Device.Memory.Pages - machine.Device.Memory.FreePages);
        Assert.Same(owner, machine.Vm.Pagemap.ZoneDataOf(FrameOf(machine, At(mapped, kept))));
        Assert.Equal((512 - pages, 512 - pages), (owner.References, owner.Pages));
        machine.Check();
        for (int i = 0; i < 512; i++)
        {
            if (i < first || i >= first + pages)
                Assert.Equal(i + 1, machine.CpuLoad(At(mapped, i)));
        }

        Assert.True(owner.IsDetached);
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    /// <summary>INV-32 for readers without locks: a block is cut page by page while others look up whose a frame of it is.</summary>
    [Fact]
    public void WhoseALiveFrameIsNeverChangesWhileItsBlockIsCut()
    {
        using var machine = new Machine();
        AddressRange mapped = MapHuge(machine);
        machine.GpuStore(mapped.Start, 1);
        DeviceFrame frame = FrameOf(machine, At(mapped, 300));
        ZoneDeviceData owner = machine.Vm.Pagemap.ZoneDataOf(frame)!;
        bool stop = false;
        long wrong = 0;
        long looks = 0;
        var reader = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                wrong += ReferenceEquals(machine.Vm.Pagemap.ZoneDataOf(frame), owner) && owner.TryGet() ? 0 : 1;
                owner.Put();
                Interlocked.Increment(ref looks);
            }
        });
        reader.Start();
        for (int i = 0; i < 512; i++)
        {
            if (i != 300)
                Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(AddressRange.OfPages(At(mapped, i), 1)));
        }

        Assert.True(SpinWait.SpinUntil(() => Interlocked.Read(ref looks) > 100, 10_000));
        Volatile.Write(ref stop, true);
        reader.Join();
        Assert.Equal(0, wrong);
        Assert.Equal(1, machine.Device.Memory.Pages - machine.Device.Memory.FreePages);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
    }

    [Fact]
    public void OnlyTheMissingPartMoves()
    {
        using var machine = new Machine();
        machine.Vm.Pagemap.Return = new Always(whole: false);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int i = 0; i < 512; i++)
            machine.GpuStore(At(memory, i), i);
        machine.CpuStore(At(memory, 7), 70);
        machine.CpuStore(At(memory, 8), 80);
        Assert.Equal(2, machine.Device.Memory.FreePages - (machine.Device.Memory.Pages - 512));
        long before = machine.Vm.Pagemap.Counters.BytesToDevice;
        Assert.Equal(70, machine.GpuLoad(At(memory, 7)));
        Assert.Equal(before + (2 * PageSize.Bytes), machine.Vm.Pagemap.Counters.BytesToDevice);
        machine.Check();
        for (int i = 0; i < 512; i++)
        {
            Assert.True(machine.IsOnDevice(At(memory, i)));
            Assert.Equal(i is 7 or 8 ? i * 10 : i, machine.GpuLoad(At(memory, i)));
        }
    }

    [Fact]
    public void FragmentedDeviceMemoryTakesAnIntervalInSmallerBlocks()
    {
        using var machine = new Machine(devicePages: 1024, checksSteps: false); // Frames that the test takes belong to no allocation.
        var taken = new List<DeviceFrame>();
        for (int i = 0; i < 64; i++)
        {
            Assert.Equal(SvmStatus.Done, machine.Device.Memory.Allocate(PageOrder.Medium, out DeviceFrame frame));
            taken.Add(frame);
        }

        for (int i = 0; i < 64; i += 2)
            machine.Device.Memory.Free(taken[i], PageOrder.Medium); // Half of it is free, and no two blocks of 64 KiB are neighbours.
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        machine.GpuStore(memory.End - 8, 2);
        Assert.True(machine.IsOnDevice(memory.Start));
        Assert.Equal(32, machine.Vm.Pagemap.AllocationCount);
        Assert.Equal(0, machine.Vm.Pagemap.Counters.Evictions);
        Assert.Equal((1, 2), (machine.GpuLoad(memory.Start), machine.GpuLoad(memory.End - 8)));
        Assert.Equal((1, 2), (machine.CpuLoad(memory.Start), machine.CpuLoad(memory.End - 8)));
        machine.Free(memory);
        for (int i = 1; i < 64; i += 2)
            machine.Device.Memory.Free(taken[i], PageOrder.Medium);
    }

    /// <summary>R-26.</summary>
    [Fact]
    public void APartlyPresentIntervalIsBusyUnlessItsPagesMayMoveWithinTheDevice()
    {
        using var machine = new Machine();
        machine.Vm.Pagemap.Return = new Always(whole: false);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int i = 0; i < 512; i++)
            machine.GpuStore(At(memory, i), i);
        for (int i = 0; i < 512; i += 2)
            Assert.Equal(i, machine.CpuLoad(At(memory, i)));
        int free = machine.Device.Memory.FreePages;
        Assert.Equal(SvmStatus.Busy, Populate(machine, memory, new MigrationDetails(AllOrNothing: true), out MigrationResult result));
        Assert.Equal(new MigrationResult(512, 256, 0, 256, 0), result);
        Assert.Equal(free, machine.Device.Memory.FreePages);
        machine.Check();
        Assert.Equal(SvmStatus.Done, Populate(machine, memory, new MigrationDetails(AllOrNothing: true, CanMigrateSamePagemap: true), out result));
        Assert.Equal(new MigrationResult(512, 256, 256, 0, 0), result);
        Assert.Equal(1, machine.Vm.Pagemap.AllocationCount);
        Assert.Equal(PageOrder.Huge, machine.Vm.Pagemap.OrderOf(FrameOf(machine, memory.Start)));
        machine.Check();
        for (int i = 0; i < 512; i++)
            Assert.Equal(i, machine.GpuLoad(At(memory, i)));
    }

    [Fact]
    public void APrefetchMakesAnIntervalInPiecesWholeAndAFaultDoesNot()
    {
        using var machine = new Machine();
        machine.Vm.Pagemap.Return = new Always(whole: false);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        machine.CpuStore(At(memory, 3), 3);
        Assert.Equal(3, machine.GpuLoad(At(memory, 3)));
        Assert.Equal(2, machine.Vm.Pagemap.AllocationCount);
        machine.CpuStore(At(memory, 4), 4);
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out PrefetchResult result));
        Assert.Equal(new PrefetchResult(2 << 20, (2 << 20) - 4096, 4096, 0), result);
        Assert.Equal(1, machine.Vm.Pagemap.AllocationCount);
        Assert.Equal((1, 3, 4), (machine.GpuLoad(memory.Start), machine.GpuLoad(At(memory, 3)), machine.GpuLoad(At(memory, 4))));
    }

    [Theory]
    [InlineData(InjectionPoint.CopyToDevice, SvmStatus.CopyFailed, 512)]
    [InlineData(InjectionPoint.FenceWait, SvmStatus.CopyFailed, 512)]
    [InlineData(InjectionPoint.HostPending, SvmStatus.Retry, 0)]
    public void AFailedMigrationSaysSoAndLeavesEverythingAsItWas(InjectionPoint point, SvmStatus expected, int failed)
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int i = 0; i < 512; i++)
            machine.CpuStore(At(memory, i), i);
        Injection.Reset();
        Injection.Arm(point, 1);
        Assert.Equal(expected, Populate(machine, memory, default, out MigrationResult result));
        Injection.Reset();
        Assert.Equal(new MigrationResult(512, 0, 0, 512 - failed, failed), result);
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
        Assert.Equal((0, 0L), (machine.Vm.Pagemap.AllocationCount, machine.Host.AwayPages));
        for (int i = 0; i < 512; i++)
            Assert.Equal(i, machine.CpuLoad(At(memory, i)));
    }

    [Fact]
    public void ADeviceThatIsTooSmallTakesWhatItCan()
    {
        using var machine = new Machine(devicePages: 68);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 1);
        Assert.Equal(SvmStatus.OutOfDeviceMemory, Populate(machine, memory, default, out MigrationResult result));
        Assert.Equal(new MigrationResult(512, 0, 68, 444, 0), result);
        machine.Check();
        Assert.Equal(SvmStatus.OutOfDeviceMemory, Populate(machine, memory, new MigrationDetails(AllOrNothing: true, CanMigrateSamePagemap: true), out result));
        Assert.Equal(1, machine.CpuLoad(memory.Start));
    }

    [Fact]
    public void EvictingAnIntervalBringsJustThatHome()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        for (int i = 0; i < 1024; i++)
            machine.GpuStore(At(memory, i), i);
        AddressRange part = AddressRange.OfPages(At(memory, 500), 24);
        HostWorkspace workspace = machine.Host.RentWorkspace();
        Assert.Equal(SvmStatus.Done, machine.Vm.Pagemap.EvictInterval(part, MigrationCause.Prefetch, workspace, out MigrationResult result));
        Assert.Equal(new MigrationResult(24, 0, 24, 0, 0), result);
        Assert.Equal(SvmStatus.Done, machine.Vm.Pagemap.EvictInterval(part, MigrationCause.Prefetch, workspace, out result));
        Assert.Equal(new MigrationResult(24, 24, 0, 0, 0), result);
        machine.Host.ReturnWorkspace(workspace);
        machine.Check();
        for (int i = 0; i < 1024; i++)
            Assert.Equal(i is < 500 or >= 524, machine.IsOnDevice(At(memory, i)));
        for (int i = 0; i < 1024; i++)
            Assert.Equal(i, machine.CpuLoad(At(memory, i)));
    }

    [Fact]
    public void AStaleEntryIsLookedUpAgain()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        PageEntry entry = PageEntry.OnDevice(machine.Vm.Pagemap.Index, FrameOf(machine, memory.Start));
        Assert.Equal(1, machine.CpuLoad(memory.Start));
        Assert.Equal(SvmStatus.Retry, machine.Vm.Pagemap.MigrateToRam(memory.Start, entry, MigrationCause.CpuFault));
        entry = PageEntry.OnDevice(machine.Vm.Pagemap.Index, new DeviceFrame(1 << 20)); // Of a pagemap that had the index before.
        Assert.Equal(SvmStatus.Retry, machine.Vm.Pagemap.MigrateToRam(memory.Start, entry, MigrationCause.CpuFault));
    }

    /// <summary>The block is zeroed by the engine while the migration begins, and the few pages with bytes are queued behind that.</summary>
    [Fact]
    public void MostlyUntouchedMemoryIsClearedAheadOfTheCopy()
    {
        using var machine = new Machine(host: new SimulatedHostOptions { Capabilities = SimulatedHostOptions.AllCapabilities & ~HostMemoryCapabilities.HugePages });
        using var peer = new PeerMachine(machine, placement: new Machine.AlwaysMigrate(), engineThread: true);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, peer.Vm.Pagemap.Allocate(PageOrder.Huge, clear: false, out DeviceAllocation? dirty));
        FillWithRubbish(peer.Device, dirty!.First);
        peer.Vm.Pagemap.Discard(dirty);
        for (int i = 0; i < 512; i += 64)
            machine.CpuStore(At(memory, i), i + 1); // Brings 64 KiB each.
        Injection.Reset();
        for (int i = 0; i < 512; i++)
            Assert.Equal(i % 64 == 0 ? i + 1 : 0, peer.Load(At(memory, i)));
        Assert.Equal(1, Injection.Hits(InjectionPoint.ClearDevice)); // One for the block, none for each hole.
        Assert.Equal(384L * PageSize.Bytes, peer.Vm.Pagemap.Counters.BytesCleared);
    }

    /// <summary>Two blocks that follow each other in device memory, the first large enough to be cleared ahead, the second not: holes in both read as zeroes.</summary>
    [Fact]
    public void UntouchedPagesAreZeroesAlsoWhereOnlyTheFirstOfTwoBlocksIsClearedAhead()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Pagemap.Allocate(PageOrder.Huge, clear: false, out DeviceAllocation? dirty));
        FillWithRubbish(machine.Device, dirty!.First);
        machine.Vm.Pagemap.Discard(dirty);
        Assert.Equal(SvmStatus.Done, Populate(machine, AddressRange.OfPages(memory.Start, 64 + 32), default, out MigrationResult result));
        Assert.Equal(96, result.Moved);
        for (int i = 0; i < 96; i++)
            Assert.Equal(0, machine.GpuLoad(At(memory, i)));
        machine.Check();
    }

    private static unsafe void FillWithRubbish(SoftwareGpuDevice device, DeviceFrame first) =>
        new Span<byte>((byte*)device.Memory.BasePointer + first.OffsetBytes, PageSize.HugeBytes).Fill(0xEE); // SAFETY: a block that is the test's.

    private static SvmStatus Populate(Machine machine, AddressRange interval, MigrationDetails details, out MigrationResult result)
    {
        HostWorkspace workspace = machine.Host.RentWorkspace();
        SvmStatus status = machine.Vm.Pagemap.Populate(interval, details, MigrationCause.Prefetch, workspace, out result);
        machine.Host.ReturnWorkspace(workspace);
        return status;
    }

    private static VirtualAddress At(AddressRange memory, int page) => memory.Start + ((long)page * PageSize.Bytes);

    private static DeviceFrame FrameOf(Machine machine, VirtualAddress address)
    {
        var entry = new PageEntry[1];
        machine.Host.ReadEntries(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1), entry);
        Assert.True(entry[0].IsDevice);
        return entry[0].Frame;
    }

    private static AddressRange MapHuge(Machine machine)
    {
        AddressRange probe = machine.Allocate(PageSize.HugeBytes);
        AddressRange mapped = AddressRange.OfBytes(probe.End + (64L * PageSize.HugeBytes), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes));
        return mapped;
    }

    /// <summary>Answers the same whatever is asked.</summary>
    internal sealed class Always(bool whole) : IReturnPolicy
    {
        public bool BringsWholeAllocation(in ReturnFacts facts) => whole;
    }
}
