// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>Pages that stay on the device for a while, and pages that bounce, under a clock of the test's own.</summary>
public sealed class GuaranteedTimeTests
{
    /// <summary>R-12.</summary>
    [Fact]
    public void ACpuTouchWithinTheGuaranteedTimeSleepsUntilItsEnd()
    {
        var time = new ManualTime();
        using Machine machine = NewMachine(time);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        Thread[] threads = [Touch(machine, memory.Start + 8, 2), Touch(machine, memory.Start + PageSize.Bytes, 3)];
        Assert.True(SpinWait.SpinUntil(() => machine.Host.Counters.CpuFaults == 2, 10_000));
        time.Advance(TimeSpan.FromMilliseconds(9));
        Assert.True(machine.IsOnDevice(memory.Start));
        Assert.Equal(2, machine.Memory.FaultedThreads);
        Assert.Equal(2, machine.Host.Counters.CpuFaults); // They sleep; they do not touch again and again.
        machine.GpuStore(memory.Start + 16, 4);
        time.Advance(TimeSpan.FromMilliseconds(5));
        foreach (Thread thread in threads)
            Assert.True(thread.Join(10_000), "The end of the time woke nobody.");
        Assert.False(machine.IsOnDevice(memory.Start));
        Assert.Equal((1, 2, 4, 3), (machine.CpuLoad(memory.Start), machine.CpuLoad(memory.Start + 8), machine.CpuLoad(memory.Start + 16), machine.CpuLoad(memory.Start + PageSize.Bytes)));
    }

    /// <summary>INV-34: eviction does not care, and who sleeps is woken by it.</summary>
    [Fact]
    public void AnEvictionWithinTheGuaranteedTimeTakesThePagesAndWakesTheThread()
    {
        var time = new ManualTime();
        using Machine machine = NewMachine(time);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        Thread thread = Touch(machine, memory.Start + 8, 2);
        Assert.True(SpinWait.SpinUntil(() => machine.Memory.FaultedThreads == 1 && machine.Host.Counters.CpuFaults == 1, 10_000));
        Assert.Equal(SvmStatus.Done, machine.Vm.Pagemap.EvictOne());
        Assert.True(thread.Join(10_000), "The eviction woke nobody.");
        Assert.Equal((1, 2), (machine.CpuLoad(memory.Start), machine.CpuLoad(memory.Start + 8)));
        time.Advance(TimeSpan.FromSeconds(1)); // The wake that is left finds nobody.
    }

    [Fact]
    public void MemoryFreedWithinTheGuaranteedTimeLetsTheThreadFail()
    {
        var time = new ManualTime();
        using Machine machine = NewMachine(time);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        SvmStatus status = SvmStatus.Done;
        var thread = new Thread(() => status = machine.Memory.CpuWrite(memory.Start, [1]));
        thread.Start();
        Assert.True(SpinWait.SpinUntil(() => machine.Memory.FaultedThreads == 1 && machine.Host.Counters.CpuFaults == 1, 10_000));
        machine.Free(memory);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(thread.Join(10_000), "The end of the time woke nobody.");
        Assert.Equal(SvmStatus.NotMapped, status);
    }

    [Fact]
    public void ABlockThatBouncesComesHomePageByPageUntilItHasRest()
    {
        var time = new ManualTime();
        using var machine = new Machine(time: time);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        VirtualAddress neighbour = memory.Start + PageSize.Bytes;
        for (int i = 1; i <= 4; i++)
        {
            machine.GpuStore(memory.Start, i);
            time.Advance(TimeSpan.FromMilliseconds(1));
            Assert.Equal(i, machine.CpuLoad(memory.Start));
            Assert.False(machine.IsOnDevice(neighbour));
        }

        machine.GpuStore(memory.Start, 5);
        Assert.Equal(5, machine.CpuLoad(memory.Start));
        Assert.True(machine.IsOnDevice(neighbour)); // The fifth in a row: the page alone.
        machine.Check();
        for (int page = 1; page <= 3; page++)
        {
            Assert.Equal(0, machine.CpuLoad(memory.Start + (page * PageSize.Bytes)));
            Assert.True(machine.IsOnDevice(memory.Start + ((page + 1) * PageSize.Bytes)));
        }

        Assert.Equal(0, machine.CpuLoad(memory.Start + (4 * PageSize.Bytes))); // Four came alone: the CPU wants them all.
        Assert.False(machine.IsOnDevice(memory.Start + (5 * PageSize.Bytes)));
        machine.Check();
        time.Advance(TimeSpan.FromSeconds(1));
        machine.GpuStore(neighbour, 6);
        Assert.Equal(6, machine.CpuLoad(neighbour));
        Assert.False(machine.IsOnDevice(memory.Start + (2 * PageSize.Bytes)));
    }

    private static Machine NewMachine(ManualTime time) =>
        new(vm: new GpuVmOptions { Placement = new Machine.AlwaysMigrate(), Timeslice = TimeSpan.FromMilliseconds(10) }, time: time);

    private static Thread Touch(Machine machine, VirtualAddress address, long value)
    {
        var thread = new Thread(() => machine.CpuStore(address, value));
        thread.Start();
        return thread;
    }
}
