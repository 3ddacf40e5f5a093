// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation;

/// <summary>One event for the client.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Interval">Where.</param>
/// <param name="To">Where an interval was moved to.</param>
internal readonly record struct SimulatedEvent(SimulatedEventKind Kind, AddressRange Interval, AddressRange To = default);
