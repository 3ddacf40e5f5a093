// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>The mirror by itself: creation, lookup, insertion and its errors, walks, teardown, pages-only mirrors.</summary>
public sealed class MirrorTests
{
    private static readonly AddressRange _everything = new(default, new VirtualAddress(1UL << 47));

    [Theory]
    [InlineData(3 << 20)]
    [InlineData(2048)]
    [InlineData(1 << 20)] // Smaller than the largest chunk.
    public void ANotifierSizeThatIsNoPowerOfTwoOrTooSmallIsRefused(long notifierBytes)
    {
        using var machine = new Machine();
        Assert.ThrowsAny<ArgumentException>(() => new SvmMirror(machine.Host, machine.Vm, notifierBytes, [PageOrder.Huge, PageOrder.Small]));
    }

    [Fact]
    public void ChunkSizesThatDoNotDescendToOnePageAreRefused()
    {
        using var machine = new Machine();
        Assert.Throws<ArgumentException>(() => new SvmMirror(machine.Host, machine.Vm, 512 << 20, []));
        Assert.Throws<ArgumentException>(() => new SvmMirror(machine.Host, machine.Vm, 512 << 20, [PageOrder.Huge]));
        Assert.Throws<ArgumentException>(() => new SvmMirror(machine.Host, machine.Vm, 512 << 20, [PageOrder.Small, PageOrder.Small]));
    }

    [Fact]
    public void FindOrInsertAnswersEachMistakeWithItsOwnStatus()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        var context = new SvmContext(1);
        VirtualAddress special = memory.End + (8L * PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(special, PageSize.Bytes, special: true));
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(special + PageSize.Bytes, PageSize.Bytes, HostProtection.ReadOnly));
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(special + (2 * PageSize.Bytes), PageSize.Bytes, HostProtection.None));
        Assert.Equal(SvmStatus.InvalidArgument, Find(machine, memory.Start, AddressRange.OfPages(memory.End, 1), context)); // Outside the window.
        Assert.Equal(SvmStatus.InvalidArgument, Find(machine, memory.End, memory, context)); // The window's end is outside too; the kernel lets it pass.
        Assert.Equal(SvmStatus.NotMapped, Find(machine, special - PageSize.Bytes, _everything, context));
        Assert.Equal(SvmStatus.NotSupported, Find(machine, special, _everything, context));
        Assert.Equal(SvmStatus.ReadOnly, Find(machine, special + PageSize.Bytes, _everything, context));
        Assert.Equal(SvmStatus.Done, Find(machine, special + PageSize.Bytes, _everything, context with { ReadOnly = true }));
        Assert.Equal(SvmStatus.NotMapped, Find(machine, special + (2 * PageSize.Bytes), _everything, context));
        Assert.Equal(SvmStatus.Done, Find(machine, memory.Start, _everything, context));
        Assert.Equal(SvmStatus.InvalidArgument, Find(machine, memory.Start, AddressRange.OfPages(memory.Start, 1), context)); // The range found sticks out.
        Assert.Equal(SvmStatus.NotSupported, machine.Fault(special, MemoryAccess.Read));
        Assert.Equal(0, machine.Host.Users);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(AddressRange.OfPages(special, 3)));
    }

    [Theory]
    [InlineData(1, 0, 2L << 20)]
    [InlineData(512, 2 << 20, 2L << 20)]
    [InlineData(511, 2 << 20, 64L << 10)]
    [InlineData(511, 64 << 10, 2L << 20)] // Above the threshold nothing is asked.
    [InlineData(10, 2 << 20, 4L << 10)]
    [InlineData(16, 2 << 20, 64L << 10)]
    public void ChunksUpToTheThresholdAreChosenOnlyWhereAllPagesArePresent(int presentPages, long threshold, long expected)
    {
        using var machine = new Machine(host: new SimulatedHostOptions { Capabilities = SimulatedHostOptions.AllCapabilities & ~HostMemoryCapabilities.HugePages });
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Host.Populate(AddressRange.OfPages(memory.Start, presentPages), MemoryAccess.Write));
        var context = new SvmContext(1, CheckPagesBytes: threshold);
        using (machine.Vm.Lock.EnterRead())
        {
            Assert.Equal(SvmStatus.Done, machine.Vm.Mirror.FindOrInsert(memory.Start, _everything, context, out SvmRange? range));
            Assert.Equal(expected, range!.Interval.Bytes);
            range.Put();
        }
    }

    [Fact]
    public void AnUnmapBetweenTheLookupOfTheMappingAndTheInsertionMakesNoRange()
    {
        using var machine = new Machine();
        AddressRange probe = machine.Allocate(PageSize.HugeBytes);
        AddressRange mapped = AddressRange.OfBytes(probe.End + (64L * PageSize.HugeBytes), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes));
        bool done = false;
        int finding = Environment.CurrentManagedThreadId;
        SchedulePoint.Install((kind, subject) =>
        {
            // Just before the lock that the range is inserted under.
            if (done || kind != SchedulePointKind.LockTake || subject is not RankedReaderWriterLock { Rank: LockRank.Notifier } || Environment.CurrentManagedThreadId != finding)
                return;
            done = true;
            var other = new Thread(() => machine.Memory.Unmap(mapped));
            other.Start();
            other.Join();
        });
        Assert.Equal(SvmStatus.Retry, Find(machine, mapped.Start, _everything, new SvmContext(1)));
        SchedulePoint.Install(null);
        Assert.True(done);
        Assert.Equal(0, machine.Vm.Mirror.RangeCount);
        Assert.Equal(0, machine.Vm.Mirror.NotifierCount);
        Assert.Equal(SvmStatus.NotMapped, machine.Fault(mapped.Start));
    }

    [Fact]
    public void WalksSurviveTheRemovalOfWhatTheyStandOnAndCanBeResumed()
    {
        using var machine = new Machine(vm: new GpuVmOptions { NotifierBytes = 4 << 20, Placement = new Machine.AlwaysMigrate() });
        AddressRange memory = machine.Allocate(16L << 20);
        for (long at = 0; at < memory.Bytes; at += PageSize.HugeBytes)
            machine.GpuStore(memory.Start + at, 1);
        SvmMirror mirror = machine.Vm.Mirror;
        Assert.Equal((8, 4), (mirror.RangeCount, mirror.NotifierCount));
        AddressRange part = new(memory.Start + PageSize.HugeBytes, memory.End - 1);
        int seen = 0;
        using (machine.Vm.Lock.EnterWrite())
        {
            for (SvmRange? range = mirror.FirstRange(part); range is not null; range = mirror.NextRange(range, part))
            {
                if (seen++ % 2 == 0)
                    machine.Vm.RemoveOwned((GpuRange)range);
            }
        }

        Assert.Equal(7, seen);
        Assert.Equal((4, 4), (mirror.RangeCount, mirror.NotifierCount));
        Assert.True(mirror.HasRange(AddressRange.OfPages(memory.Start, 1)));
        Assert.False(mirror.HasRange(AddressRange.OfPages(memory.Start + PageSize.HugeBytes, 1)));
        Assert.Null(mirror.FirstRange(AddressRange.OfPages(memory.End, 100)));
        machine.Check();
    }

    [Fact]
    public void AWindowGoesWithItsLastRangeAndComesBackWithTheNext()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        for (int i = 0; i < 3; i++)
        {
            machine.GpuStore(memory.Start, i);
            Assert.Equal(1, machine.Vm.Mirror.NotifierCount);
            using (machine.Vm.Lock.EnterWrite())
            {
                SvmRange range = machine.Vm.Mirror.FirstRange(memory)!;
                machine.Vm.RemoveOwned((GpuRange)range);
                Assert.Equal(1, range.References);
                range.Put();
            }

            Assert.Equal(0, machine.Vm.Mirror.NotifierCount);
        }
    }

    [Fact]
    public void APagesOnlyMirrorWatchesButKnowsNoRanges()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(16 * PageSize.Bytes);
        machine.CpuStore(memory.Start, 5);
        var mirror = new SvmMirror(machine.Host);
        Assert.Equal(SvmStatus.InvalidArgument, mirror.FindOrInsert(memory.Start, _everything, new SvmContext(0), out _));
        var client = new PagesClient(machine.Device);
        SvmNotifier notifier = mirror.Watch(memory, client);
        HostWorkspace workspace = machine.Host.RentWorkspace();
        Assert.Equal(SvmStatus.Done, client.Pages.Get(machine.Host, notifier, memory, new SvmContext(0), workspace));
        Assert.True(client.Pages.HasDmaMapping);
        Assert.Equal(SvmStatus.Done, machine.Memory.DontNeed(memory));
        Assert.False(client.Pages.HasDmaMapping);
        Assert.Equal((1, 1), (client.Starts, client.Finishes));
        Assert.Equal(SvmStatus.Done, client.Pages.Get(machine.Host, notifier, memory, new SvmContext(0), workspace)); // The same object, again and again.
        Assert.Throws<InvalidOperationException>(mirror.Dispose);
        client.Pages.Free(notifier);
        mirror.Unwatch(notifier);
        Assert.Throws<ArgumentException>(() => mirror.Unwatch(notifier));
        mirror.Dispose();
        machine.Host.ReturnWorkspace(workspace);
    }

    [Fact]
    public void CallersThatDoNotHoldTheDriverLockAreCaught()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.Bytes);
        Assert.Throws<LockOrderException>(() => machine.Vm.Mirror.FindOrInsert(memory.Start, _everything, new SvmContext(1), out _));
    }

    [Fact]
    public void ClosingEndsSubscriptionsBeforeRangesAndEachOnce()
    {
        using var machine = new Machine(vm: new GpuVmOptions { NotifierBytes = 2 << 20 });
        var second = new GpuVm(machine.Host, machine.Device, new GpuVmOptions { NotifierBytes = 2 << 20, Placement = new Policies.SystemPlacement() });
        AddressRange memory = machine.Allocate(8L << 20);
        for (long at = 0; at < memory.Bytes; at += PageSize.HugeBytes)
            Assert.Equal(SvmStatus.Done, second.FaultHandler.Handle(new GpuFault(memory.Start + at, MemoryAccess.Write, second.AddressSpaceId, 0, 0)));
        Assert.Equal(4, second.Mirror.NotifierCount);
        second.Dispose();
        Assert.Equal((0, 0), (second.Mirror.RangeCount, second.Mirror.NotifierCount));
        Assert.Equal(0, machine.Host.Notifiers.Count);
        Assert.Equal(0, machine.Device.DmaMapper.LivePages);
    }

    private static SvmStatus Find(Machine machine, VirtualAddress address, AddressRange window, in SvmContext context)
    {
        using (machine.Vm.Lock.EnterRead())
        {
            SvmStatus status = machine.Vm.Mirror.FindOrInsert(address, window, context, out SvmRange? range);
            Assert.Equal(status == SvmStatus.Done, range is not null);
            range?.Put();
            return status;
        }
    }

    /// <summary>The least that holds pages: unmaps in the second pass.</summary>
    internal sealed class PagesClient(IGpuDevice device) : ISvmNotifierClient
    {
        public SvmPages Pages { get; } = new(device);

        public int Starts { get; private set; }

        public int Finishes { get; private set; }

        public void InvalidateStart(SvmNotifier notifier, in MmuEvent mmuEvent)
        {
            Starts++;
            Pages.SetStaleLocked(notifier);
        }

        public void InvalidateFinish(SvmNotifier notifier, in MmuEvent mmuEvent)
        {
            Finishes++;
            using (notifier.Lock.EnterWrite())
                Pages.UnmapLocked(notifier);
        }
    }
}
