// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>VMs without faults: jobs name their memory, what takes it away stops the queues, and what brings it back resumes them.</summary>
public unsafe class JobTests
{
    /// <summary>Device addresses, if the device stands behind an IOMMU.</summary>
    private protected virtual long IommuBytes => 0;

    /// <summary>The same behind an IOMMU.</summary>
    public sealed class BehindIommu : JobTests
    {
        private protected override long IommuBytes => 32 << 20;
    }

    private static readonly VirtualAddress _window = new((1UL << 47) + (3 << 21));

    [Fact]
    public void AJobWorksOnSharedMemoryAndOnAUserPointerAndRaisesNoFault()
    {
        using var machine = new JobMachine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(3L * PageSize.HugeBytes);
        AddressRange own = machine.Allocate(5 * PageSize.Bytes);
        machine.Store(memory.Start, 100);
        machine.Store(own.Start + 8, 200);
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(own, _window, isReadOnly: false, out GpuUserptr? userptr));
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write), new JobMemory(userptr!.GpuInterval, MemoryAccess.Write));
        Assert.True(machine.IsOnDevice(memory.Start));
        machine.Check();
        JobKernels.Work* work = machine.Arguments(memory.Start, userptr.GpuInterval.Start + 8);
        Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, machine.Run(work, job)));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal((100 + work->Added, 200 + work->Added), (machine.Load(memory.Start), machine.Load(own.Start + 8)));
        Assert.Equal((0L, 0L), (machine.Devices[0].ReadCounters().Faults, machine.Vm.Counters.QueueStops));
    }

    [Fact]
    public void ACpuTouchOfAMigratedPageStopsTheQueuesAndTheyAreResumed()
    {
        using var machine = new JobMachine(iommuBytes: IommuBytes);
        SvmEventStream stream = machine.Host.Events.Open(1 << 16);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        machine.Store(memory.Start + 8, 7);
        machine.Check(quiescent: false);
        Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, launch));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal((work->Added, 7L), (machine.Load(memory.Start), machine.Load(memory.Start + 8)));
        VmCounters counters = machine.Vm.Counters;
        Assert.True(counters.QueueStops > 0 && counters.QueueRestores == counters.QueueStops && counters.QueueStoppedTicks > 0);
        Assert.Equal(0, counters.RestoresFailed);
        var events = new SvmEvent[1 << 16];
        SvmEvent[] told = events[..stream.Read(events)];
        SvmEvent stop = Assert.Single(told, one => one.Kind == SvmEventKind.QueueStop && one.Cause == Host.MigrationCause.CpuFault);
        Assert.Equal((memory.Start, (short)0), (stop.Address, stop.To));
        Assert.Equal(counters.QueueRestores, told.Count(one => one.Kind == SvmEventKind.QueueRestore && one.Duration > 0));
    }

    [Fact]
    public void AnEvictionForAnotherVmStopsTheQueuesAndTheJobGoesOnFromRam()
    {
        using var machine = new JobMachine(devicePages: 1024, iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        AddressRange others = machine.Allocate(2L * PageSize.HugeBytes);
        using (var other = new GpuVm(machine.Host, machine.Devices[0], new GpuVmOptions { Placement = new Machine.AlwaysMigrate(), Thrash = null }))
        {
            GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
            JobKernels.Work* work = machine.Arguments(memory.Start);
            SoftwareGpuLaunch launch = machine.Run(work, job);
            Assert.Equal(SvmStatus.Done, other.Advise(others, advice => advice with { IsPinned = true })); // Evictions take the job's.
            Assert.Equal(SvmStatus.Done, other.Prefetch(others, PrefetchTarget.Device, out PrefetchResult result));
            Assert.Equal(others.Bytes, result.MovedBytes);
            Assert.False(machine.IsOnDevice(memory.Start));
            Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, launch));
            Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
            Assert.Equal(work->Added, machine.Load(memory.Start));
            Assert.True(machine.Vm.Counters.QueueStops > 0);
        }
    }

    /// <summary>Of two jobs of one device and VM the one whose memory goes is failed, with the address; the other goes on.</summary>
    [Fact]
    public void MunmapDuringAJobFailsItWithTheAddressAndNoOther()
    {
        using var machine = new JobMachine(iommuBytes: IommuBytes);
        AddressRange kept = machine.Allocate(PageSize.HugeBytes);
        AddressRange lost = machine.Allocate(PageSize.HugeBytes);
        GpuJob failing = machine.Begin(new JobMemory(kept, MemoryAccess.Read), new JobMemory(lost, MemoryAccess.Write));
        GpuJob other = machine.Begin(new JobMemory(kept, MemoryAccess.Write));
        JobKernels.Work* first = machine.Arguments(lost.Start);
        SoftwareGpuLaunch launch = machine.Run(first, failing);
        JobKernels.Work* second = machine.Arguments(kept.Start);
        SoftwareGpuLaunch next = machine.Start(second, other); // Behind the first one in the queue.
        machine.Free(lost);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        Assert.Equal((SvmStatus.NotMapped, lost.Start, MemoryAccess.Write), (launch.Status, launch.FaultAddress, launch.FaultAccess));
        Assert.Equal((SvmStatus.NotMapped, lost.Start), (failing.Status, failing.FailedAt));
        Assert.Equal(SvmStatus.Done, JobMachine.Finish(second, next));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(other));
        Assert.Equal(SvmStatus.NotMapped, machine.Vm.EndJob(failing));
        Assert.Equal(SvmStatus.InvalidHandle, machine.Vm.EndJob(failing));
        Assert.Equal(second->Added, machine.Load(kept.Start));
        Assert.Equal(1, machine.Vm.Counters.RestoresFailed);
        bool isTold = false;
        failing.WhenFailed(_ => isTold = true);
        Assert.True(isTold); // Who asks late is told at once.
    }

    [Fact]
    public void UnmappingAPartOfARangeThatAJobUsesAnotherPartOfLetsItGoOn()
    {
        using var machine = new JobMachine(iommuBytes: IommuBytes);
        AddressRange memory = AddressRange.OfPages(machine.Allocate(PageSize.HugeBytes).End + (64L * PageSize.HugeBytes), PageSize.PagesPerHuge);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(memory.Start, memory.Bytes));
        AddressRange half = new(memory.Start + (PageSize.HugeBytes / 2), memory.End);
        GpuJob job = machine.Begin(new JobMemory(half, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(half.Start);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(new AddressRange(memory.Start, memory.Start + PageOrder.Medium.Bytes)));
        Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, launch));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal(work->Added, machine.Load(half.Start));
        Assert.True(machine.Vm.Counters.QueueStops > 0);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(memory));
    }

    [Fact]
    public void TouchingMemoryThatWasNotNamedIsAnErrorOfTheKernel()
    {
        using var machine = new JobMachine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        AddressRange forgotten = machine.Allocate(PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start, forgotten.Start + 16);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        Assert.Equal((SvmStatus.NotMapped, forgotten.Start + 16), (launch.Status, launch.FaultAddress));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal(0, machine.Devices[0].ReadCounters().Faults);
    }

    [Fact]
    public void WritingMemoryThatMayOnlyBeReadIsAnError()
    {
        using var machine = new JobMachine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.Store(memory.Start, 3);
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(memory, HostProtection.ReadOnly));
        Assert.Equal(SvmStatus.ReadOnly, machine.Vm.BeginJob([new JobMemory(memory, MemoryAccess.Write)], out GpuJob? refused, out VirtualAddress failedAt));
        Assert.Equal((null, memory.Start), (refused, failedAt));
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Read));
        JobKernels.Work* work = machine.Arguments(memory.Start);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        Assert.Equal((SvmStatus.ReadOnly, memory.Start, MemoryAccess.Write), (launch.Status, launch.FaultAddress, launch.FaultAccess));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
    }

    [Fact]
    public void AJobWhoseMemoryIsNotThereDoesNotBegin()
    {
        using var machine = new JobMachine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        AddressRange hole = AddressRange.OfPages(memory.End + (64L * PageSize.HugeBytes), 4);
        Assert.Equal(SvmStatus.NotMapped, machine.Vm.BeginJob([new JobMemory(memory, MemoryAccess.Read), new JobMemory(hole, MemoryAccess.Read)], out GpuJob? job, out VirtualAddress failedAt));
        Assert.Equal((null, hole.Start), (job, failedAt));
        Assert.Equal(SvmStatus.NotMapped, machine.Vm.BeginJob([new JobMemory(AddressRange.OfPages(_window, 1), MemoryAccess.Read)], out _, out failedAt));
        Assert.Equal(_window, failedAt);
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.BeginJob([new JobMemory(new AddressRange(memory.Start, memory.Start), MemoryAccess.Read)], out _, out _));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.BeginJob([], out _, out _, device: 1));
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(memory, HostProtection.ReadOnly));
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(memory, _window, isReadOnly: true, out GpuUserptr? userptr));
        Assert.Equal(SvmStatus.ReadOnly, machine.Vm.BeginJob([new JobMemory(userptr!.GpuInterval, MemoryAccess.Write)], out _, out _));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(machine.Begin(new JobMemory(userptr.GpuInterval, MemoryAccess.Read))));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(machine.Begin()));
    }

    [Fact]
    public void AVmWithFaultsHasNoJobs()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        Assert.Equal(SvmStatus.NotSupported, machine.Vm.BeginJob([], out _, out _));
    }

    [Fact]
    public void ADeviceThatCannotStopItsQueuesIsRefusedWithTheRemedy()
    {
        using var host = new Host.HostAddressSpace(new SimulatedHostMemory());
        using var device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 1 << 20, ComputeUnits = 1, StopsQueues = false });
        NotSupportedException refusal = Assert.Throws<NotSupportedException>(() => new GpuVm(host, device, new GpuVmOptions { WithoutFaults = true }));
        Assert.Contains("make the VM with faults", refusal.Message, StringComparison.Ordinal);
        using var vm = new GpuVm(host, device, new GpuVmOptions()); // Nothing was left of the first.
    }

    [Fact]
    public void AtomicsOfAJobAreAtomicWithRespectToTheCpu()
    {
        using var machine = new JobMachine(options: new GpuVmOptions { Placement = new SystemPlacement() }, iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Atomic));
        JobKernels.Work* work = machine.Arguments(memory.Start, isAtomic: true);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        for (int i = 0; i < 50; i++)
            Assert.Equal(SvmStatus.Done, machine.Memory.CpuAdd(memory.Start, 1, out _));
        Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, launch));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal(work->Added + 50, machine.Load(memory.Start));
        Assert.True(machine.Vm.Counters.QueueStops > 0);
    }

    [Fact]
    public void NewAdviceForAJobsMemoryStopsTheQueuesToo()
    {
        using var machine = new JobMachine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { IsPinned = true }));
        machine.Check(quiescent: false);
        JobMachine.Until(() => machine.Vm.Counters.QueueRestores > 0);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { DeniedTo = 1 }));
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        Assert.Equal((SvmStatus.AccessDenied, memory.Start), (launch.Status, launch.FaultAddress));
        Assert.Equal(SvmStatus.AccessDenied, machine.Vm.EndJob(job));
    }

    [Fact]
    public void AUserPointerThatIsUnboundFailsItsJob()
    {
        using var machine = new JobMachine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(memory, _window, isReadOnly: false, out GpuUserptr? userptr));
        GpuJob job = machine.Begin(new JobMemory(userptr!.GpuInterval, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(_window);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        _ = machine.Vm.Prefetch(memory, PrefetchTarget.Device, out _); // It is brought back, or never gets away.
        JobMachine.Until(() => machine.Vm.Counters.QueueRestores > 0);
        Assert.Equal(SvmStatus.Done, machine.Vm.UnbindUserptr(userptr));
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        Assert.Equal((SvmStatus.NotMapped, _window), (launch.Status, launch.FaultAddress));
        Assert.Equal(SvmStatus.NotMapped, machine.Vm.EndJob(job));
    }

    [Fact]
    public void AnUnpluggedDeviceFailsItsJobs()
    {
        using var machine = new JobMachine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        Assert.Equal(SvmStatus.Done, machine.Vm.Unplug());
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        Assert.Equal(SvmStatus.DeviceGone, launch.Status);
        Assert.Equal(SvmStatus.DeviceGone, machine.Vm.EndJob(job));
        Assert.Equal(SvmStatus.DeviceGone, machine.Vm.BeginJob([new JobMemory(memory, MemoryAccess.Write)], out _, out _));
        Assert.Equal(work->Added, machine.Load(memory.Start));
    }

    /// <summary>Two jobs that do not fit on the device together both run: what is brought back stays where it is.</summary>
    [Fact]
    public void JobsThatAreLargerThanTheDeviceTogetherBothRun()
    {
        using var machine = new JobMachine(devicePages: 1024, iommuBytes: IommuBytes);
        AddressRange one = machine.Allocate(2L * PageSize.HugeBytes);
        AddressRange two = machine.Allocate(3L * PageSize.HugeBytes);
        GpuJob first = machine.Begin(new JobMemory(one, MemoryAccess.Write));
        GpuJob second = machine.Begin(new JobMemory(two, MemoryAccess.Write)); // Does not even fit alone.
        JobKernels.Work* work = machine.Arguments(one.Start, one.End - 8);
        JobKernels.Work* more = machine.Arguments(two.Start, two.End - 8);
        SoftwareGpuLaunch launch = machine.Run(work, first);
        SoftwareGpuLaunch behind = machine.Start(more, second);
        Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, launch));
        Assert.Equal(SvmStatus.Done, JobMachine.Finish(more, behind));
        Assert.Equal((SvmStatus.Done, SvmStatus.Done), (machine.Vm.EndJob(first), machine.Vm.EndJob(second)));
        Assert.Equal((work->Added, more->Added), (machine.Load(one.End - 8), machine.Load(two.End - 8)));
    }

    [Fact]
    public void OnlyTheDeviceWhoseJobIsConcernedStops()
    {
        using var machine = new JobMachine(devices: 2, iommuBytes: IommuBytes);
        AddressRange one = machine.Allocate(PageSize.HugeBytes);
        AddressRange two = machine.Allocate(PageSize.HugeBytes);
        GpuJob first = machine.BeginOn(0, new JobMemory(one, MemoryAccess.Write));
        GpuJob second = machine.BeginOn(1, new JobMemory(two, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(one.Start);
        JobKernels.Work* other = machine.Arguments(two.Start);
        SoftwareGpuLaunch launch = machine.Run(work, first);
        SoftwareGpuLaunch beside = machine.Run(other, second, device: 1);
        SvmEventStream stream = machine.Host.Events.Open(1024);
        machine.Store(two.Start + 8, 1);
        Assert.Equal((SvmStatus.Done, SvmStatus.Done), (JobMachine.Finish(work, launch), JobMachine.Finish(other, beside)));
        Assert.Equal((SvmStatus.Done, SvmStatus.Done), (machine.Vm.EndJob(first), machine.Vm.EndJob(second)));
        var events = new SvmEvent[1024];
        Assert.Equal([(short)machine.Vm.Devices[1].Pagemap.Index], events[..stream.Read(events)].Where(one => one.Kind == SvmEventKind.QueueStop).Select(one => one.To));
        Assert.Equal((work->Added, other->Added), (machine.Load(one.Start), machine.Load(two.Start)));
    }

    /// <summary>Everything at once: CPU touches, prefetches both ways, advice, and jobs that come and go.</summary>
    [Fact]
    public void AStormOfChangesLosesNothingAndNoUnitMeetsAMissingTranslation()
    {
        using var machine = new JobMachine(devicePages: 1024, iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        GpuJob job = machine.Begin(new JobMemory(memory, MemoryAccess.Write));
        JobKernels.Work* work = machine.Arguments(memory.Start, memory.End - PageSize.HugeBytes);
        SoftwareGpuLaunch launch = machine.Run(work, job);
        Thread[] threads =
        [
            new(() =>
            {
                for (int i = 0; i < 60; i++)
                    machine.Store(memory.Start + 64 + (i % 2 * PageSize.HugeBytes), i);
            }),
            new(() =>
            {
                for (int i = 0; i < 60; i++)
                    _ = machine.Vm.Prefetch(memory, i % 2 == 0 ? PrefetchTarget.Device : PrefetchTarget.System, out _);
            }),
            new(() =>
            {
                for (int i = 0; i < 30; i++)
                {
                    Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { IsPinned = !advice.IsPinned }));
                    if (machine.Vm.BeginJob([new JobMemory(memory, MemoryAccess.Write)], out GpuJob? other, out _) == SvmStatus.Done)
                        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(other!));
                    machine.Check(quiescent: false);
                }
            }),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            Assert.True(thread.Join(120_000), "stuck");
        Assert.Equal(SvmStatus.Done, JobMachine.Finish(work, launch));
        Assert.Equal(SvmStatus.Done, machine.Vm.EndJob(job));
        Assert.Equal((work->Added, work->Added), (machine.Load(memory.Start), machine.Load(memory.End - PageSize.HugeBytes)));
        Assert.Equal((58L, 59L), (machine.Load(memory.Start + 64), machine.Load(memory.Start + 64 + PageSize.HugeBytes)));
        Assert.True(machine.Vm.Counters.QueueStops > 0);
    }
}
