// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Traces;

/// <summary>The program asks for memory to be brought somewhere. What a policy brings beside a fault is an event instead.</summary>
/// <param name="Interval">Which addresses, whole pages.</param>
/// <param name="Destination">A device's number, or <see cref="SvmPlace.Ram"/>.</param>
public readonly record struct TracePrefetch(AddressRange Interval, short Destination)
{
    /// <summary>Nanoseconds since the trace began; 0 where not known.</summary>
    public long Time { get; init; }
}
