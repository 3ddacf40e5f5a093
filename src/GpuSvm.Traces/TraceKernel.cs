// SPDX-License-Identifier: MIT
namespace GpuSvm.Traces;

/// <summary>A kernel begins or ends on a device.</summary>
/// <param name="Id">The launch: begin and end carry the same number, from 0.</param>
/// <param name="Device">Where it runs.</param>
/// <param name="IsEnd">Whether it ends.</param>
/// <param name="Name">What the program calls it; at the end it may be left out.</param>
public readonly record struct TraceKernel(long Id, int Device, bool IsEnd, string Name = "")
{
    /// <summary>Nanoseconds since the trace began; 0 where not known.</summary>
    public long Time { get; init; }
}
