// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;

namespace GpuSvm.Traces;

/// <summary>The program advises of its memory.</summary>
/// <param name="Interval">Which addresses, whole pages.</param>
/// <param name="Advice">All that it asks for there from now on; the default takes earlier advice back.</param>
public readonly record struct TraceAdvice(AddressRange Interval, MemoryAdvice Advice)
{
    /// <summary>Nanoseconds since the trace began; 0 where not known.</summary>
    public long Time { get; init; }
}
