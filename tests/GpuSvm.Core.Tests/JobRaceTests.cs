// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>Stops, restores and beginnings of jobs, forced between one another's steps; and what fails while memory is brought back.</summary>
public sealed unsafe class JobRaceTests
{
    /// <summary>An event that began before a job did zaps what the job has bound: the job does not begin before it is bound again.</summary>
    [Fact]
    public void AnEventUnderWayWhenAJobBeginsIsSeenByTheJob()
    {
        using var machine = new JobMachine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(machine.Begin(new JobMemory(memory, MemoryAccess.Write)))); // Bound, and on the device.
        using var isHeld = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        int bindings = 0;
        int holder = 0;
        var toucher = new Thread(() => machine.Store(memory.Start, 1));
        SchedulePoint.Install((kind, subject) =>
        {
            if (kind == SchedulePointKind.JobBound && Interlocked.Increment(ref bindings) == 3)
                goOn.Set(); // The job was bound twice, and was not believed.
            bool isZap = kind == SchedulePointKind.LockTake && subject is RankedReaderWriterLock { Rank: LockRank.Notifier } && Thread.CurrentThread == toucher;
            if (!isZap || Interlocked.Exchange(ref holder, 1) != 0)
                return;
            isHeld.Set(); // The event has stopped what runs, which is nothing, and is about to zap.
            Assert.True(goOn.Wait(60_000));
        });
        toucher.Start();
        Assert.True(isHeld.Wait(60_000));
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        Assert.True(toucher.Join(60_000));
        SchedulePoint.Install(null);
        Assert.True(bindings > 2);
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal(1, machine.Load(memory.Start));
    }

    /// <summary>Queues are stopped and waited for before anything is zapped: whatever an event takes, no unit is in access then.</summary>
    [Fact]
    public void NothingIsZappedBeforeTheQueuesHaveStopped()
    {
        using var machine = new JobMachine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        bool wasBound = false;
        using (new AtPoint(SchedulePointKind.QueuesStopped, () =>
        {
            wasBound = machine.Vm.PageTable.Lookup(memory.Start).IsPresent;
            long added = Volatile.Read(ref work->Added);
            for (int i = 0; i < 100; i++)
                Thread.Yield();
            Assert.InRange(Volatile.Read(ref work->Added), added, added + 1); // Nothing runs; but what was written before the queues stopped may be counted after: the counter is no access.
        }))
            machine.Store(memory.Start + 8, 1);

        Assert.True(wasBound);
        Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, launch));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
    }

    /// <summary>A second event comes when all is bound again and the queues are about to go on: they do not, until that is brought back too.</summary>
    [Fact]
    public void AnEventBetweenBindingAndResumingKeepsTheQueuesStopped()
    {
        using var machine = new JobMachine();
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        VirtualAddress second = memory.Start + PageSize.HugeBytes;
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start, second);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        bool stayed = false;
        using (new AtPoint(SchedulePointKind.QueuesResuming, () =>
        {
            Assert.Equal(0, machine.Vm.Counters.QueueRestores);
            machine.Store(second + 8, 2);
            stayed = machine.Vm.Counters.QueueStops == 1; // They were still stopped: nothing had to be stopped for this one.
        }))
        {
            machine.Store(memory.Start + 8, 1);
            Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, launch));
        }

        Assert.True(stayed);
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal((work->Added, work->Added), (machine.Load(memory.Start), machine.Load(second)));
        Assert.Equal((1L, 1L), (machine.Vm.Counters.QueueStops, machine.Vm.Counters.QueueRestores));
    }

    /// <summary>The queues go on, and stop again, between a unit's look at the gate and its wait: the wait looks again, and the unit neither hangs nor runs.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AUnitThatIsAboutToWaitSeesWhatHasBecomeOfTheGate(bool isStoppedAgain)
    {
        using var machine = new JobMachine();
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        using var hasLooked = new ManualResetEventSlim();
        SchedulePoint.Install((kind, _) =>
        {
            if (kind == SchedulePointKind.QueuesResuming)
                Assert.True(hasLooked.Wait(60_000)); // Not before the unit has found the gate closed.
            if (kind != SchedulePointKind.UnitStopping || hasLooked.IsSet)
                return;
            hasLooked.Set();
            JobMachine.Until(() => machine.Vm.Counters.QueueRestores == 1);
            if (isStoppedAgain)
                machine.Store(memory.End - 8, 2);
        });
        machine.Store(memory.Start + 8, 1);
        Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, launch));
        SchedulePoint.Install(null);
        Assert.True(hasLooked.IsSet);
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal(work->Added, machine.Load(memory.Start));
        Assert.Equal(isStoppedAgain ? 2 : 1, machine.Vm.Counters.QueueStops);
    }

    /// <summary>A stop comes after a unit has taken the launch and before its first access.</summary>
    [Fact]
    public void ALaunchThatStartsWhileItsQueueIsStoppedWaits()
    {
        using var machine = new JobMachine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start);
        SoftwareGpuLaunch? launch = null;
        using (new AtPoint(SchedulePointKind.QueuesStopped, () =>
        {
            launch = machine.Start(work, job);
            for (int i = 0; i < 100; i++)
                Thread.Yield();
            Assert.Equal(0, Volatile.Read(ref work->Started));
        }))
            machine.Store(memory.Start + 8, 1);

        Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, launch!));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal(work->Added, machine.Load(memory.Start));
    }

    [Theory]
    [InlineData(InjectionPoint.DmaMap, SvmStatus.CopyFailed)]
    [InlineData(InjectionPoint.PageTablePrepare, SvmStatus.OutOfHostMemory)]
    public void ARestoreThatFailsFailsTheJobBeforeTheQueuesGoOn(InjectionPoint point, SvmStatus status)
    {
        using var machine = new JobMachine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        Injection.Reset();
        bool wasStopped = false;
        job.WhenFailed(failed =>
        {
            wasStopped = machine.Vm.Counters.QueueRestores == 0;
            launch.Cancel(failed.Status, failed.FailedAt, MemoryAccess.Write);
        });
        using (new AtPoint(SchedulePointKind.QueuesStopped, () => Injection.Arm(point, 1)))
            Assert.Equal(SvmStatus.Done, machine.Host.MigrateHome(memory, Core.Host.MigrationCause.Prefetch));
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        Assert.Equal((status, memory.Start), (launch.Status, launch.FaultAddress));
        Assert.True(wasStopped);
        Assert.Equal(status, machine.Vm.EndJob(job));
        Assert.Equal(1, machine.Vm.Counters.RestoresFailed);
        Injection.Reset();
        Assert.Equal(work->Added, machine.Load(memory.Start));
    }

    /// <summary>Memory that is taken away again each time it is back is given up when the time is over; so is the beginning of a job.</summary>
    [Fact]
    public void AStormThatDoesNotEndIsGivenUpInTime()
    {
        var time = new ManualTime();
        using var machine = new JobMachine(options: new GpuVmOptions { Placement = new SystemPlacement() }, time: time);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        int storms = 0;
        SchedulePoint.Install((kind, _) =>
        {
            if (kind != SchedulePointKind.JobBound)
                return;
            storms++;
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { IsPinned = !advice.IsPinned }));
        });
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { IsPinned = !advice.IsPinned }));
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        Assert.Equal((SvmStatus.TimedOut, memory.Start), (launch.Status, launch.FaultAddress));
        Assert.Equal(SvmStatus.TimedOut, machine.Vm.EndJob(job));
        Assert.InRange(storms, 10, 12);
        Assert.Equal(SvmStatus.Busy, machine.Vm.BeginJob([new JobMemory(memory, MemoryAccess.Write)], out GpuJob? refused, out _));
        Assert.Null(refused);
        SchedulePoint.Install(null);
        Assert.Equal(work->Added, machine.Load(memory.Start));
    }

    /// <summary>INV-42 is seen where something takes an entry away past the gate.</summary>
    [Fact]
    public void TheCheckerSeesARunningJobsMissingTranslation()
    {
        using var machine = new JobMachine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        _ = machine.Vm.PageTable.Zap(memory);
        Assert.Contains(InvariantChecker.Check(machine.Vm), sentence => sentence.StartsWith("INV-42: ", StringComparison.Ordinal));
        machine.Store(memory.Start, 1);
        JobMachine.Until(() => machine.Vm.Counters.QueueRestores == 1);
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
    }
}
