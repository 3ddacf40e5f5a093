// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Explaining;

/// <summary>Memory that the trace says was mapped.</summary>
/// <param name="Interval">Where.</param>
/// <param name="Name">What the program calls it; empty for nothing.</param>
public sealed record Allocation(AddressRange Interval, string Name)
{
    /// <summary>The allocation in words.</summary>
    /// <returns>Its name, or where it is.</returns>
    public override string ToString() => Name.Length > 0 ? Name : $"{Format.Size(Interval.Bytes)} at {Interval.Start}";
}
