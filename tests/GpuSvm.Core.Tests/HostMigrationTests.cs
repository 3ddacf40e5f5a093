// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>What stands in a migration's way, page by page. What holds on every memory is in AddressSpaceConformance.</summary>
public sealed class HostMigrationTests
{
    private static readonly int[] _pinned = [0, 17, 18, 63];

    [Fact]
    public void PinnedPagesAreLeftOutAndTheOthersMove() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(64);
        machine.Fill(memory);
        foreach (int page in _pinned)
            Assert.Equal(SvmStatus.Done, machine.Simulated().SetPinned(AddressRange.OfPages(AddressSpaceMachine.PageOf(memory, page), 1), pinned: true));
        Assert.Equal(SvmStatus.Busy, machine.Device.MoveIn(memory, new MigrationSelection(System: true, AllOrNothing: true), out _));
        Assert.Equal(1024, machine.Device.FreeFrames);
        Assert.Equal(60, machine.Device.MoveIn(memory));
        Assert.True(machine.EntryOf(memory.Start).IsHost);
        machine.AssertFilled(memory);
    });

    [Fact]
    public void PagesThatOthersHoldAreLeftOut() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(32);
        machine.Fill(memory);
        machine.Device.IgnoresClaims = true;
        machine.Peer.WhileMoving = () =>
        {
            Assert.Equal(24, machine.Device.MoveIn(memory));
            Assert.Equal(SvmStatus.Busy, machine.Device.MoveIn(AddressRange.OfPages(memory.Start, 8), new MigrationSelection(System: true, AllOrNothing: true), out _));
        };
        Assert.Equal(8, machine.Peer.MoveIn(AddressRange.OfPages(memory.Start, 8)));
        machine.AssertFilled(memory);
    });

    /// <summary>R-17.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(9)]
    public void WithoutALargeStagingBlockASpanComesHomeInPieces(int failures) => Run(machine =>
    {
        AddressRange memory = machine.Allocate(PageSize.PagesPerHuge);
        machine.Fill(memory);
        Assert.Equal(PageSize.PagesPerHuge, machine.Device.MoveIn(memory));
        FailStaging(failures, () =>
        {
            int pieces = 0;
            for (VirtualAddress at = memory.Start; at < memory.End; pieces++)
            {
                var rest = new AddressRange(at, memory.End);
                Assert.Equal(SvmStatus.Done, machine.Device.MoveHome(rest, FrameSelection.Any with { MayNarrow = true }, MigrationCause.CpuFault, out AddressRange done));
                Assert.Equal(at, done.Start);
                at = done.End;
            }

            Assert.True(pieces > 1);
        });
        Assert.Equal(1024, machine.Device.FreeFrames);
        machine.AssertFilled(memory);
    });

    [Fact]
    public void AnEvictionByFramesGoesOnInPiecesToo() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(64);
        machine.Fill(memory);
        Assert.Equal(64, machine.Device.MoveIn(memory));
        DeviceFrame[] frames = [.. Enumerable.Range(0, 64).Reverse().Select(page => machine.EntryOf(AddressSpaceMachine.PageOf(memory, page)).Frame)];
        FailStaging(2, () => Assert.True(machine.Device.EvictFrames(frames) > 1));
        Assert.Equal(1024, machine.Device.FreeFrames);
        machine.AssertFilled(memory);
    });

    [Fact]
    public void AHugePageLeavesAndComesBackAsOneAndIsSplitWhenAPartMoves() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(PageSize.PagesPerHuge);
        machine.Fill(memory);
        Assert.Equal(PageOrder.Huge, OrderOf(machine, memory.Start));
        Assert.Equal(PageSize.PagesPerHuge, machine.Device.MoveIn(memory));
        machine.Device.HomePages = PageSize.PagesPerHuge;
        Assert.Equal(1, machine.Load(memory.Start));
        Assert.Equal(PageOrder.Huge, OrderOf(machine, memory.Start));
        Assert.Equal(1, machine.Device.MoveIn(AddressRange.OfPages(memory.Start, 1)));
        Assert.Equal(PageOrder.Small, OrderOf(machine, memory.End - PageSize.Bytes));
        machine.AssertFilled(memory);
    });

    /// <summary>The page is given up between the copy and the moment it would become visible: it must not come back.</summary>
    [Fact]
    public void ContentsGivenUpWhileTheyComeHomeStayGone() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(16);
        machine.Fill(memory);
        Assert.Equal(16, machine.Device.MoveIn(memory));
        AddressRange gone = AddressRange.OfPages(memory.Start + (4 * PageSize.Bytes), 4);
        using (new AtPoint(SchedulePointKind.MigrationCopied, () => Assert.Equal(SvmStatus.Done, machine.Simulated().DontNeed(gone))))
            Assert.Equal(SvmStatus.Done, machine.Device.MoveHome(memory, FrameSelection.Any, MigrationCause.Eviction, out _));
        for (int page = 0; page < 16; page++)
            Assert.Equal(page is >= 4 and < 8 ? 0 : page + 1, machine.Load(AddressSpaceMachine.PageOf(memory, page)));
        Assert.Equal(1024, machine.Device.FreeFrames);
    });

    /// <summary>The unmap of a part comes while the attach is already in the memory's hands; the other part's bytes must not go with it.</summary>
    [Fact]
    public void APartUnmappedAtTheLastMomentDoesNotTakeTheRestAlong() => Run(machine =>
    {
        AddressRange memory = machine.MapFilled(16);
        Assert.Equal(16, machine.Device.MoveIn(memory));
        AddressRange gone = AddressRange.OfPages(memory.Start, 4);
        using var applied = new ManualResetEventSlim();
        Thread? program = null;
        SchedulePoint.Install((kind, subject) =>
        {
            if (kind == SchedulePointKind.HostOperation && ReferenceEquals(subject, machine.Simulated().StepOf(SimulatedOperation.UnmapApplied)))
                applied.Set();
            if (program is not null || kind != SchedulePointKind.HostOperation || !ReferenceEquals(subject, machine.Simulated().StepOf(SimulatedOperation.Attach)))
                return;
            program = new Thread(() => machine.Unmap(gone)); // Stops at the gate, which the attaching thread holds: its event stays pending.
            program.Start();
            Assert.True(applied.Wait(10_000));
        });
        Assert.Equal(SvmStatus.Done, machine.Device.MoveHome(memory, FrameSelection.Any, MigrationCause.Eviction, out _));
        program!.Join();
        SchedulePoint.Install(null);
        for (int page = 4; page < 16; page++)
            Assert.Equal(page + 1, machine.Load(AddressSpaceMachine.PageOf(memory, page)));
        Assert.Equal(1024, machine.Device.FreeFrames);
        machine.Unmap(new AddressRange(gone.End, memory.End));
    });

    private static PageOrder OrderOf(AddressSpaceMachine machine, VirtualAddress address)
    {
        var page = new HostPage[1];
        Assert.Equal(SvmStatus.Done, machine.Memory.Query(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1), page));
        return page[0].Order;
    }

    /// <summary>Lets the next tries for a staging block fail.</summary>
    private static void FailStaging(int failures, Action body)
    {
        Injection.Reset();
        int left = failures;
        Injection.Arm(InjectionPoint.HostStaging, 1);
        SchedulePoint.Install((kind, subject) =>
        {
            // Armed again each time a claim was cut in half: between two tries a lock of the page states is taken.
            if (kind == SchedulePointKind.LockTake && subject is RankedReaderWriterLock { Rank: LockRank.PageState } && Injection.Hits(InjectionPoint.HostStaging) > failures - left && left > 1)
            {
                left--;
                Injection.Arm(InjectionPoint.HostStaging, 1);
            }
        });
        body();
        SchedulePoint.Install(null);
        Injection.Reset();
    }

    private static void Run(Action<AddressSpaceMachine> body)
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        body(machine);
        machine.Finish();
    }
}
