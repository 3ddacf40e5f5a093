// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Simulation;

/// <summary>One mapping of the simulated program. Kernel: struct vm_area_struct.</summary>
/// <param name="Interval">Its interval, page aligned and not empty.</param>
/// <param name="Protection">What the program may do with it.</param>
/// <param name="IsAnonymous">False for a mapping of a file (whose bytes are all zero at first).</param>
/// <param name="IsSpecial">Whether it plays a device's registers: readable, but nothing a GPU may mirror.</param>
internal readonly record struct SimulatedMapping(AddressRange Interval, HostProtection Protection, bool IsAnonymous, bool IsSpecial = false)
{
    /// <summary>Whether loads are allowed.</summary>
    public bool IsReadable => Protection != HostProtection.None;

    /// <summary>Whether stores are allowed.</summary>
    public bool IsWritable => Protection == HostProtection.ReadWrite;

    /// <summary>The mapping as the contract answers it.</summary>
    /// <returns>The same facts.</returns>
    public HostMapping ToHostMapping() => new(Interval, IsReadable, IsWritable, IsAnonymous, IsSpecial);
}
