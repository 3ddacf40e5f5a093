// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Traces;

/// <summary>One access to memory. Of a device it is what one group of lanes does together, of a CPU thread a load or a store; a sampled trace holds only some.</summary>
/// <param name="Address">The first byte.</param>
/// <param name="Bytes">How many, at least 1. It may reach over the end of a page.</param>
/// <param name="Kind">Read, write or atomic.</param>
/// <param name="Agent">Who.</param>
public readonly record struct TraceAccess(VirtualAddress Address, int Bytes, MemoryAccess Kind, TraceAgent Agent)
{
    /// <summary>Nanoseconds since the trace began; 0 where nobody measured it and the order says enough.</summary>
    public long Time { get; init; }
}
