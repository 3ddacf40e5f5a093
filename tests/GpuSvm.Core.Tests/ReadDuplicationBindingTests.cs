// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>Memory that is mostly read, beside what else decides where pages are: who holds them already, and what follows a fault.</summary>
public sealed class ReadDuplicationBindingTests
{
    [Fact]
    public void WhatTheReaderHoldsItselfIsMappedWithAllItsRights()
    {
        using var machine = new Machine();
        AddressRange memory = ReadDuplicationTests.ReadMostly(machine, PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 5);
        machine.Host.EnterEventGate();
        machine.Host.ProtectionChanged(memory);
        machine.Host.LeaveEventGate();
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start, MemoryAccess.Read));
        DeviceAddress entry = machine.Vm.PageTable.Lookup(memory.Start);
        Assert.Equal((AddressProtocol.LocalMemory, true), (entry.Protocol, entry.IsWritable)); // No copy of it is needed, and a write of its own costs nobody anything.
    }

    [Fact]
    public void CopiesThatFollowAFaultCountAsPrefetched()
    {
        using var machine = new Machine(vm: new GpuVmOptions { ChunkOrders = [PageOrder.Medium, PageOrder.Small], Prefetch = new WholeRangePrefetch() });
        AddressRange memory = ReadDuplicationTests.ReadMostly(machine, PageSize.HugeBytes);
        machine.CpuStore(memory.Start, 7);
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start, MemoryAccess.Read));
        Assert.Equal(PageSize.HugeBytes, machine.Vm.Pagemap.Counters.BytesDuplicated);
        Assert.Equal(PageSize.PagesPerHuge - PageOrder.Medium.Pages, machine.Vm.Counters.PrefetchedPages);
    }
}
