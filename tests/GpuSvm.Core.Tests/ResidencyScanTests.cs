// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Tests;

/// <summary>Where pages are, without touching them.</summary>
public sealed class ResidencyScanTests
{
    [Fact]
    public void EveryResultIsGivenWhereItIsTrue()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(4L * PageSize.HugeBytes);
        SvmNotifier notifier = Watch(machine, memory);
        AddressRange first = memory.Start.Block(PageOrder.Huge);
        AddressRange second = first.End.Block(PageOrder.Huge);
        AddressRange third = second.End.Block(PageOrder.Huge);
        Assert.Equal(ScanResult.Unpopulated, Scan(machine, notifier, first));
        machine.GpuStore(first.Start, 1);
        machine.CpuStore(second.Start, 1);
        Assert.Equal(SvmStatus.Done, machine.Host.Populate(second, Device.MemoryAccess.Write));
        Assert.Equal(ScanResult.Equal, Scan(machine, notifier, first));
        Assert.Equal(ScanResult.System, Scan(machine, notifier, second));
        Assert.Equal(ScanResult.Mixed, Scan(machine, notifier, new AddressRange(first.Start, second.End)));
        Assert.Equal(ScanResult.Unpopulated, Scan(machine, notifier, new AddressRange(first.Start, third.End)));
        Assert.Equal(ScanResult.Other, Scan(machine, notifier, first, anyPagemap: false));
        Assert.Equal(ScanResult.System, Scan(machine, notifier, second, anyPagemap: false)); // The kernel says equal here.
        Assert.Equal(ScanResult.Equal, Scan(machine, notifier, AddressRange.OfPages(first.Start + (7 * PageSize.Bytes), 3))); // A part of a range.
        machine.Vm.Mirror.Unwatch(notifier);
    }

    [Fact]
    public void AnEarlyOutStopsAtTheFirstPageThatIsElsewhere()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        SvmNotifier notifier = Watch(machine, memory);
        Assert.Equal(SvmStatus.Done, machine.Host.Populate(memory.Start.Block(PageOrder.Huge), Device.MemoryAccess.Write));
        HostWorkspace workspace = machine.Host.RentWorkspace();
        int queries = 0;
        SchedulePoint.Install((kind, subject) => queries += subject == machine.Memory.StepOf(Simulation.SimulatedOperation.Query) ? 1 : 0);
        ScanResult full = ResidencyScan.Scan(notifier, machine.Host, memory, 1, machine.Vm.Pagemap, workspace);
        int fullQueries = queries;
        queries = 0;
        ScanResult early = ResidencyScan.Scan(notifier, machine.Host, memory, 1, machine.Vm.Pagemap, workspace, earlyOut: true);
        SchedulePoint.Install(null);
        machine.Host.ReturnWorkspace(workspace);
        Assert.Equal((ScanResult.Unpopulated, ScanResult.System), (full, early)); // The rest is not looked at.
        Assert.True(queries < fullQueries, $"{queries} of {fullQueries}");
        machine.Vm.Mirror.Unwatch(notifier);
    }

    [Fact]
    public void AnEventDuringTheScanMakesItStartOver()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        SvmNotifier notifier = Watch(machine, memory);
        using (new AtPoint(SchedulePointKind.SequenceRead, () =>
        {
            var cpu = new Thread(() => machine.CpuStore(memory.Start, 2));
            cpu.Start();
            cpu.Join();
        }))
        {
            Assert.Equal(ScanResult.System, Scan(machine, notifier, memory));
        }

        machine.Vm.Mirror.Unwatch(notifier);
    }

    private static SvmNotifier Watch(Machine machine, AddressRange memory) => machine.Vm.Mirror.Watch(memory, new MirrorTests.PagesClient(machine.Device));

    private static ScanResult Scan(Machine machine, SvmNotifier notifier, AddressRange interval, bool anyPagemap = true)
    {
        HostWorkspace workspace = machine.Host.RentWorkspace();
        ScanResult result = ResidencyScan.Scan(notifier, machine.Host, interval, 1, anyPagemap ? machine.Vm.Pagemap : null, workspace);
        machine.Host.ReturnWorkspace(workspace);
        return result;
    }
}
