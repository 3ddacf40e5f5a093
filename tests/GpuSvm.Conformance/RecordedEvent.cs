// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Conformance;

/// <summary>A mapping event that a <see cref="RecordingClient"/> was told of.</summary>
/// <param name="IsUnmap">Unmapped, or else discarded.</param>
/// <param name="Interval">The interval.</param>
/// <param name="InGate">Whether the gate was open, as it must be.</param>
public readonly record struct RecordedEvent(bool IsUnmap, AddressRange Interval, bool InGate);
