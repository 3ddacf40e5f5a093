// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Explaining;

/// <summary>Memory that had to leave a device, and for what.</summary>
/// <param name="Victim">What left, by name or place.</param>
/// <param name="Culprit">What needed the room.</param>
/// <param name="Bytes">How many bytes left.</param>
/// <param name="Evictions">In how many evictions.</param>
public readonly record struct EvictionPair(string Victim, string Culprit, long Bytes, long Evictions);
