// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>The end of the process side, at every moment (R-19, INV-23).</summary>
public sealed class HostLifetimeTests
{
    [Fact]
    public void AfterTheEndEveryCallSaysThatTheProcessIsGone()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(16);
        machine.Fill(memory);
        Assert.Equal(8, machine.Device.MoveIn(AddressRange.OfPages(memory.Start, 8)));
        HostWorkspace workspace = machine.Host.RentWorkspace();
        PageEntry entry = machine.EntryOf(memory.Start);
        machine.Host.Dispose();
        Assert.True(machine.Host.HasEnded);
        int cursor = 0;
        var budget = new RetryBudget(machine.Host.Time, milliseconds: 1000);
        SvmStatus[] statuses =
        [
            machine.Host.Allocate(1, out _),
            machine.Host.Free(memory),
            machine.Host.Populate(memory, MemoryAccess.Read),
            machine.Host.MigrateHome(memory, MigrationCause.Prefetch),
            machine.Host.MigrateHome(memory.Start, entry, MigrationCause.Prefetch),
            machine.Host.CpuFault(memory.Start, MemoryAccess.Read),
            machine.Host.TryReap(),
            HmmRange.Snapshot(machine.Host, memory, 1, workspace),
            HmmRange.Fault(machine.Host, memory, new HmmQuery(HmmRequest.Write, 1), ref budget, workspace),
            workspace.Migration.SetupToDevice(memory, new MigrationSelection(System: true), MigrationCause.GpuFault),
            workspace.Migration.SetupToRam(memory, FrameSelection.Any, MigrationCause.Eviction),
            workspace.Migration.SetupByFrames(machine.Device.Index, [entry.Frame], ref cursor, MigrationCause.Eviction),
        ];
        Assert.All(statuses, status => Assert.Equal(SvmStatus.ProcessGone, status));
        machine.Host.EnterEventGate(); // Events that come late find nothing, and do no harm.
        machine.Host.Discarded(memory);
        machine.Host.LeaveEventGate();
        Assert.Equal((0L, 0, 1024), (machine.Host.AwayPages, machine.Host.Users, machine.Device.FreeFrames));
        Assert.False(machine.Host.TryUse());
        machine.Host.Dispose(); // Twice is once.
    }

    [Fact]
    public void ADisposeDuringAnHmmFaultIsEndedByTheFault()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(16);
        using (new AtPoint(SchedulePointKind.HmmFault, () =>
        {
            machine.Host.Dispose();
            Assert.False(machine.Host.HasEnded);
        }))
            Assert.Equal(SvmStatus.ProcessGone, machine.Want(memory, HmmRequest.Write, 1).Status);
        Assert.True(machine.Host.HasEnded);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ADisposeDuringAMigrationIsEndedByItsCompletion(bool fails)
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(16);
        machine.Fill(memory);
        machine.Device.FailsNext = fails;
        machine.Device.WhileMoving = () =>
        {
            machine.Host.Dispose();
            Assert.False(machine.Host.HasEnded);
        };
        Assert.Equal(fails ? SvmStatus.CopyFailed : SvmStatus.Done, machine.Device.MoveIn(memory, new MigrationSelection(System: true), out int arrived));
        Assert.Equal(fails ? 0 : 16, arrived);
        machine.Host.WaitForEnd();
        Assert.Equal((0L, 1024), (machine.Host.AwayPages, machine.Device.FreeFrames));
    }

    [Fact]
    public void ADisposeDuringACpuFaultIsEndedOnAnotherThread()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(16);
        machine.Fill(memory);
        Assert.Equal(16, machine.Device.MoveIn(memory));
        int faulting = Environment.CurrentManagedThreadId;
        int ending = 0;
        machine.Device.WhileMoving = () => machine.Host.Dispose();
        SchedulePoint.Install((kind, _) => ending = kind == SchedulePointKind.ProcessEnding ? Environment.CurrentManagedThreadId : ending);
        SvmStatus status = machine.Simulated().CpuRead(memory.Start, new byte[8]);
        machine.Host.WaitForEnd();
        SchedulePoint.Install(null);
        Assert.True(status is SvmStatus.Done or SvmStatus.ProcessGone, $"{status}");
        Assert.NotEqual(faulting, ending);
        Assert.Equal(1024, machine.Device.FreeFrames);
    }

    [Fact]
    public void ADisposeDuringAFreeIsEndedByTheFree()
    {
        using AddressSpaceMachine machine = SimulatedHost.Machine();
        AddressRange memory = machine.Allocate(16);
        machine.Fill(memory);
        using (new AtPoint(SchedulePointKind.InvalidationStart, machine.Host.Dispose))
            Assert.Equal(SvmStatus.Done, machine.Host.Free(memory));
        Assert.True(machine.Host.HasEnded);
    }

    [Fact]
    public void ThereIsOneEndHoweverManyLeaveAtOnce()
    {
        for (int round = 0; round < 200; round++)
        {
            using AddressSpaceMachine machine = SimulatedHost.Machine(new SimulatedHostOptions { Frames = 64 });
            int ends = 0;
            SchedulePoint.Install((kind, _) => ends += kind == SchedulePointKind.ProcessEnding ? 1 : 0);
            bool used = machine.Host.TryUse();
            var leaving = new Thread(() =>
            {
                if (used)
                    machine.Host.EndUse();
            });
            leaving.Start();
            machine.Host.Dispose();
            leaving.Join();
            Assert.True(machine.Host.HasEnded);
            SchedulePoint.Install(null);
            Assert.Equal(1, ends);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ADisposeAmidWorkOnSeveralThreadsEndsCleanly(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 30; round++)
        {
            using AddressSpaceMachine machine = SimulatedHost.Machine(new SimulatedHostOptions { Frames = 512 });
            AddressRange memory = machine.Allocate(64);
            machine.Fill(memory);
            int delay = random.Next(200);
            SvmStatus[] last = [SvmStatus.Done, SvmStatus.Done, SvmStatus.Done];
            Thread[] threads =
            [
                Worker(0, () => machine.Device.MoveIn(memory, new MigrationSelection(System: true), out _)),
                Worker(1, () => machine.Want(memory, HmmRequest.Exclusive, 7).Status),
                Worker(2, () => machine.Simulated().CpuRead(memory.Start, new byte[8])),
            ];
            Thread.SpinWait(delay * 1000);
            machine.Host.Dispose();
            foreach (Thread thread in threads)
                Assert.True(thread.Join(30_000), $"seed {seed}, round {round}: a worker is stuck.");
            machine.Host.WaitForEnd();
            Assert.Equal((0L, 0L, 0, 1024), (machine.Host.AwayPages, machine.Host.ExclusivePages, machine.Host.Users, machine.Device.FreeFrames));
            Assert.Equal(0, machine.Simulated().StagingBlocksOut);

            Thread Worker(int index, Func<SvmStatus> step)
            {
                var thread = new Thread(() =>
                {
                    while (last[index] != SvmStatus.ProcessGone)
                        last[index] = step();
                });
                thread.Start();
                return thread;
            }
        }
    }
}
