// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Traces;

/// <summary>Pages have contents and are somewhere, without any access or fault of the trace that would tell of it: what a recording has found, and not seen come.</summary>
/// <param name="Interval">Which addresses, whole pages, mapped.</param>
/// <param name="Place">A device's number, or <see cref="SvmPlace.Ram"/>.</param>
public readonly record struct TraceResidence(AddressRange Interval, short Place)
{
    /// <summary>Nanoseconds since the trace began; 0 where not known.</summary>
    public long Time { get; init; }
}
