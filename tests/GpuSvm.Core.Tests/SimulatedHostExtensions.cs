// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>What tests do to a machine over simulated memory.</summary>
internal static class SimulatedHostExtensions
{
    /// <summary>The memory as what it is.</summary>
    public static SimulatedHostMemory Simulated(this AddressSpaceMachine machine) => (SimulatedHostMemory)machine.Memory;

    /// <summary>A place far behind everything allocated, for mappings that the program makes itself.</summary>
    public static VirtualAddress FarAway(this AddressSpaceMachine machine, int number = 0) => new(0x2000_0000_0000UL + ((ulong)number << 30));

    /// <summary>The program maps pages itself, and fills them.</summary>
    public static AddressRange MapFilled(this AddressSpaceMachine machine, int pages, int number = 0)
    {
        AddressRange interval = AddressRange.OfPages(machine.FarAway(number), pages);
        Assert.Equal(SvmStatus.Done, machine.Simulated().Map(interval.Start, interval.Bytes));
        machine.Fill(interval);
        return interval;
    }

    /// <summary>The program moves pages to another address; it must work.</summary>
    public static AddressRange Remap(this AddressSpaceMachine machine, AddressRange from, VirtualAddress to)
    {
        Assert.Equal(SvmStatus.Done, machine.Simulated().Remap(from, to));
        return AddressRange.OfBytes(to, from.Bytes);
    }

    /// <summary>The program unmaps pages; it must work.</summary>
    public static void Unmap(this AddressSpaceMachine machine, AddressRange interval) => Assert.Equal(SvmStatus.Done, machine.Simulated().Unmap(interval));
}
