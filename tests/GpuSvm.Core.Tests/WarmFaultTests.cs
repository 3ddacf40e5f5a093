// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>
/// The fault path allocates nothing once warm, as `gpusvm bench` prints it. (With migration RealMachineTests shows it: simulated memory makes a new object of
/// every staging block.)
/// </summary>
public sealed class WarmFaultTests
{
    private const int Rounds = 500;

    /// <summary>Pages in RAM: get and bind anew after each event, and a fault on what is bound already.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(16, 0)]
    [InlineData(512, 0)]
    [InlineData(512, 4 << 20)] // Scattered, and packed into one reservation each time.
    public void AFaultOnPagesInRamAllocatesNothing(int pages, long iommuBytes)
    {
        using var machine = new Machine(iommuBytes: iommuBytes, vm: new GpuVmOptions { Placement = new SystemPlacement() }, checksSteps: false);
        AddressRange memory = machine.Allocate((long)pages * PageSize.Bytes);
        for (int page = pages - 1; page >= 0 && iommuBytes != 0; page--)
            Assert.Equal(SvmStatus.Done, machine.Host.Populate(AddressRange.OfPages(memory.Start + ((long)page * PageSize.Bytes), 1), Device.MemoryAccess.Write));
        long invalidations = 0;
        long bytes = Measure(machine, memory.Start, () =>
        {
            invalidations++;
            Invalidate(machine, memory);
        });
        Assert.Equal(0, bytes);
        Assert.Equal(2 * Rounds, invalidations);
        Assert.Equal(1, machine.Vm.Mirror.RangeCount);
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
    }

    /// <summary>Events from the gate to the end of the invalidation: of pages in RAM and of pages on the device, one and several at a time.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void AnEventAllocatesNothing(int events)
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        AddressRange other = AddressRange.OfBytes(memory.Start + PageSize.HugeBytes, PageSize.HugeBytes);
        machine.CpuStore(other.Start, 1);
        long bytes = 0;
        for (int round = 0; round < 100; round++)
        {
            if (round == 50)
                bytes = 0; // Warm from here on.
            Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start));
            Assert.True(machine.IsOnDevice(memory.Start));
            long before = GC.GetAllocatedBytesForCurrentThread();
            machine.Host.EnterEventGate();
            for (int i = 0; i < events; i++)
            {
                machine.Host.ProtectionChanged(other);
                machine.Host.Discarded(memory);
            }

            machine.Host.LeaveEventGate();
            bytes += GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.False(machine.IsOnDevice(memory.Start));
            Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        }

        Assert.Equal(0, bytes);
    }

    /// <summary>Bytes allocated by faults, each twice (the second finds it done) and with something in between that takes access away.</summary>
    private static long Measure(Machine machine, VirtualAddress address, Action takeAway)
    {
        long bytes = 0;
        for (int round = 0; round < 2 * Rounds; round++)
        {
            if (round == Rounds)
                bytes = 0; // Warm from here on.
            long before = GC.GetAllocatedBytesForCurrentThread();
            SvmStatus first = machine.Fault(address);
            SvmStatus second = machine.Fault(address);
            bytes += GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal((SvmStatus.Done, SvmStatus.Done), (first, second));
            takeAway();
        }

        Assert.Equal(SvmStatus.Done, machine.Fault(address));
        return bytes;
    }

    /// <summary>An event that takes access away and leaves the pages where they are.</summary>
    private static void Invalidate(Machine machine, AddressRange interval)
    {
        machine.Host.EnterEventGate();
        machine.Host.ProtectionChanged(interval);
        machine.Host.LeaveEventGate();
        Assert.False(machine.Vm.PageTable.Lookup(interval.Start).IsPresent);
    }
}
