// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>HMM walks: holes, mixed requests, rights, budgets.</summary>
public sealed class HmmRangeTests
{
    [Fact]
    public void ASnapshotAcrossMappingsReportsHolesAsErrors() => Run((machine, workspace) =>
    {
        AddressRange first = machine.MapFilled(4);
        AddressRange second = AddressRange.OfPages(first.End + (2 * PageSize.Bytes), 4);
        Assert.Equal(SvmStatus.Done, machine.Simulated().Map(second.Start, second.Bytes));
        AddressRange hidden = AddressRange.OfPages(second.End, 2);
        Assert.Equal(SvmStatus.Done, machine.Simulated().Map(hidden.Start, hidden.Bytes, HostProtection.None));
        var whole = new AddressRange(first.Start, hidden.End + (3 * PageSize.Bytes));
        Assert.Equal(SvmStatus.Done, HmmRange.Snapshot(machine.Host, whole, 1, workspace));
        Assert.Equal("VVVVEE....EEEEE", Describe(workspace, whole));
        Assert.Equal(SvmStatus.NotMapped, machine.Want(whole, HmmRequest.Read, 1).Status);
        machine.Unmap(whole);
    });

    [Fact]
    public void EachPageGetsWhatItAskedFor() => Run((machine, workspace) =>
    {
        AddressRange mapped = machine.MapFilled(2);
        AddressRange fresh = AddressRange.OfPages(mapped.End, 6);
        Assert.Equal(SvmStatus.Done, machine.Simulated().Map(fresh.Start, fresh.Bytes));
        var whole = new AddressRange(mapped.Start, fresh.End + PageSize.Bytes); // The last page is a hole that nobody asks for.
        Array.Clear(workspace.Requests);
        workspace.Requests[3] = HmmRequest.Write;
        workspace.Requests[5] = HmmRequest.Read;
        workspace.Requests[6] = HmmRequest.Write;
        Fault(machine, whole, new HmmQuery(HmmRequest.Snapshot, 1, Mask: HmmRequest.Read, KeepZeroPage: true), workspace, SvmStatus.Done);
        Assert.Equal("VV.Z.ZZ.E", Describe(workspace, whole)); // The mask cuts writing down to reading.
        Fault(machine, whole, new HmmQuery(HmmRequest.Snapshot, 1, Mask: HmmRequest.Exclusive, KeepZeroPage: true), workspace, SvmStatus.Done);
        Assert.Equal("VV.V.ZV.E", Describe(workspace, whole));
        workspace.Requests[8] = HmmRequest.Read;
        Fault(machine, whole, new HmmQuery(HmmRequest.Snapshot, 1, Mask: HmmRequest.Exclusive), workspace, SvmStatus.NotMapped);
        machine.Unmap(whole);
    });

    [Fact]
    public void ReadingGetsAPageOfItsOwnUnlessTheZeroPageWillDo() => Run((machine, workspace) =>
    {
        AddressRange memory = machine.Allocate(4);
        Fault(machine, memory, new HmmQuery(HmmRequest.Read, 1, KeepZeroPage: true), workspace, SvmStatus.Done);
        Assert.Equal("ZZZZ", Describe(workspace, memory));
        Fault(machine, memory, new HmmQuery(HmmRequest.Read, 1), workspace, SvmStatus.Done);
        Assert.Equal("VVVV", Describe(workspace, memory));
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AReadOnlyDevicePageIsMadeWritableInPlaceOrBroughtHome(bool home) => Run((machine, workspace) =>
    {
        AddressRange memory = machine.Allocate(4);
        machine.Fill(memory);
        Assert.Equal(SvmStatus.Done, machine.Memory.WriteProtect(memory, protect: true));
        Assert.Equal(SvmStatus.Done, machine.Device.MoveIn(memory, new MigrationSelection(System: true, ExactRights: true), out int arrived));
        Assert.Equal((4, false), (arrived, machine.EntryOf(memory.Start).IsWritable));
        Fault(machine, memory, new HmmQuery(HmmRequest.Read, 1), workspace, SvmStatus.Done);
        Assert.Equal("dddd", Describe(workspace, memory));
        Fault(machine, memory, new HmmQuery(HmmRequest.Write, 1, BringReadOnlyHome: home), workspace, SvmStatus.Done);
        Assert.Equal(home ? "VVVV" : "DDDD", Describe(workspace, memory));
        machine.AssertFilled(memory);
    });

    [Fact]
    public void NoDeviceMayWriteWhereTheProgramMayNot() => Run((machine, workspace) =>
    {
        AddressRange memory = machine.Allocate(8);
        machine.Fill(memory);
        Assert.Equal(4, machine.Device.MoveIn(AddressRange.OfPages(memory.Start, 4)));
        Assert.Equal(SvmStatus.Done, machine.Want(AddressRange.OfPages(memory.Start + (4 * PageSize.Bytes), 4), HmmRequest.Exclusive, 1).Status);
        Assert.Equal(SvmStatus.Done, machine.Simulated().Protect(memory, HostProtection.ReadOnly));
        Fault(machine, memory, new HmmQuery(HmmRequest.Read, 1), workspace, SvmStatus.Done);
        Assert.Equal("ddddxxxx", Describe(workspace, memory));
        Fault(machine, memory, new HmmQuery(HmmRequest.Write, 1), workspace, SvmStatus.ReadOnly);
        Assert.Equal(SvmStatus.Done, machine.Simulated().Protect(memory, HostProtection.ReadWrite));
    });

    [Fact]
    public void AnEarlyOutTellsHowFarItCame() => Run((machine, workspace) =>
    {
        AddressRange memory = machine.Allocate(64);
        machine.Fill(AddressRange.OfPages(memory.Start, 16));
        Assert.Equal(SvmStatus.Done, HmmRange.Snapshot(machine.Host, memory, 1, workspace, stopAtAbsent: true));
        Assert.Equal(16, workspace.WalkedPages);
        Assert.Equal(SvmStatus.Done, HmmRange.Snapshot(machine.Host, memory, 1, workspace));
        Assert.Equal(64, workspace.WalkedPages);
    });

    [Fact]
    public void PagesOfADeviceBlockTellItsOrderAsLongAsItIsWhole()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        HostWorkspace workspace = machine.Host.RentWorkspace();
        Assert.Equal(SvmStatus.Done, HmmRange.Snapshot(machine.Host, AddressRange.OfPages(memory.Start + (7 * PageSize.Bytes), 1), machine.Vm.Pagemap.OwnerToken, workspace));
        Assert.Equal((true, PageOrder.Huge), (workspace.Frames[0].IsDevice, workspace.Frames[0].Order));
        machine.Host.ReturnWorkspace(workspace);
    }

    /// <summary>INV-26, R-28: a clock that stands still, and an event after every step.</summary>
    [Fact]
    public void AStormOfInvalidationsEndsInBusyWithinTheTriesEvenIfNoTimePasses()
    {
        var memory = new SimulatedHostMemory();
        using var host = new HostAddressSpace(memory, new StandingClock());
        Assert.Equal(SvmStatus.Done, host.Allocate(16 * PageSize.Bytes, out AddressRange interval));
        HostWorkspace workspace = host.RentWorkspace();
        bool isInside = false;
        SchedulePoint.Install((kind, subject) =>
        {
            if (kind != SchedulePointKind.HostOperation || isInside || !ReferenceEquals(subject, memory.StepOf(SimulatedOperation.Query)))
                return;
            isInside = true;
            Assert.Equal(SvmStatus.Done, memory.DontNeed(interval)); // What was just made is taken away before it is looked at.
            isInside = false;
        });
        var budget = new RetryBudget(host.Time, milliseconds: 1000, tries: 100);
        Assert.Equal(SvmStatus.Busy, HmmRange.Fault(host, interval, new HmmQuery(HmmRequest.Write, 1), ref budget, workspace));
        Assert.Equal(SvmStatus.Busy, HmmRange.Fault(host, interval, new HmmQuery(HmmRequest.Write, 1), ref budget, workspace)); // Spent is spent.
        SchedulePoint.Install(null);
        Assert.False(budget.TrySpend());
        host.ReturnWorkspace(workspace);
        Assert.Equal(0, host.Users);
    }

    [Fact]
    public void ACancelledFaultGivesUp() => Run((machine, workspace) =>
    {
        AddressRange memory = machine.Allocate(4);
        using var source = new CancellationTokenSource();
        source.Cancel();
        Fault(machine, memory, new HmmQuery(HmmRequest.Write, 1, Cancellation: source.Token), workspace, SvmStatus.Busy);
        machine.Fill(memory);
        Fault(machine, memory, new HmmQuery(HmmRequest.Write, 1, Cancellation: source.Token), workspace, SvmStatus.Done); // Nothing to be done is done.
    });

    [Fact]
    public void AFaultWaitsForAMigrationAndFindsThePagesWhereItPutThem() => Run((machine, workspace) =>
    {
        AddressRange memory = machine.Allocate(8);
        machine.Fill(memory);
        Thread? walker = null;
        (SvmStatus Status, HmmFrame[] Frames) answer = (SvmStatus.Busy, []);
        machine.Device.WhileMoving = () =>
        {
            using var waits = new ManualResetEventSlim();
            SchedulePoint.Install((kind, _) =>
            {
                if (kind == SchedulePointKind.Wait && Environment.CurrentManagedThreadId == walker?.ManagedThreadId)
                    waits.Set();
            });
            walker = new Thread(() => answer = machine.Want(memory, HmmRequest.Write, 1));
            walker.Start();
            Assert.True(waits.Wait(10_000));
            SchedulePoint.Install(null);
        };
        Assert.Equal(8, machine.Device.MoveIn(memory));
        walker!.Join();
        Assert.Equal(SvmStatus.Done, answer.Status);
        Assert.All(answer.Frames, frame => Assert.True(frame.IsDevice));
    });

    /// <summary>One letter a page: V writable, Z zero page, R read-only, D and d on a device, X and x exclusive, B busy, E error, a dot for absent.</summary>
    private static string Describe(HostWorkspace workspace, AddressRange interval) => string.Concat(workspace.Frames[..(int)interval.Pages].Select(frame =>
        frame.IsError ? 'E' : frame.IsBusy ? 'B' : !frame.IsValid ? '.' : frame.IsZero ? 'Z'
        : frame.IsDevice ? (frame.IsWritable ? 'D' : 'd') : frame.IsExclusive ? (frame.IsWritable ? 'X' : 'x') : frame.IsWritable ? 'V' : 'R'));

    private static void Fault(AddressSpaceMachine machine, AddressRange interval, HmmQuery query, HostWorkspace workspace, SvmStatus expected)
    {
        var budget = new RetryBudget(machine.Host.Time, milliseconds: 10_000);
        Assert.Equal(expected, HmmRange.Fault(machine.Host, interval, query, ref budget, workspace));
    }

    private static void Run(Action<AddressSpaceMachine, HostWorkspace> body)
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        HostWorkspace workspace = machine.Host.RentWorkspace();
        body(machine, workspace);
        machine.Host.ReturnWorkspace(workspace);
        machine.Finish();
    }

    private sealed class StandingClock : TimeProvider
    {
        public override long GetTimestamp() => 0;
    }
}
