// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Traces;

/// <summary>A device's page table gets entries. What takes them away is an event, <see cref="SvmEventKind.Invalidation"/>.</summary>
/// <param name="Interval">Which addresses, whole pages.</param>
/// <param name="Device">Whose page table.</param>
/// <param name="Place">Where the pages are: a device's number, or <see cref="SvmPlace.Ram"/>.</param>
/// <param name="IsWritable">Whether the device may write.</param>
public readonly record struct TraceBind(AddressRange Interval, int Device, short Place, bool IsWritable)
{
    /// <summary>Nanoseconds since the trace began; 0 where not known.</summary>
    public long Time { get; init; }
}
