// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Traces;

/// <summary>Memory appears in the address space, or leaves it.</summary>
/// <param name="Interval">Which addresses, whole pages.</param>
/// <param name="IsUnmap">Whether they leave.</param>
/// <param name="Name">What the program calls the memory, such as an array's name; empty for nothing.</param>
public readonly record struct TraceMapping(AddressRange Interval, bool IsUnmap, string Name = "")
{
    /// <summary>Nanoseconds since the trace began; 0 where not known.</summary>
    public long Time { get; init; }
}
