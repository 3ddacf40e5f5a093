// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What a return policy is told about a device allocation that the CPU has touched.</summary>
/// <param name="Bytes">The allocation's size.</param>
/// <param name="ReturnCount">How often CPU faults have called the same addresses home in a row, each within 50 ms of the one before; 0 for the first.</param>
/// <param name="PagesGone">Pages that have left the allocation since it was filled, or never came.</param>
/// <param name="SinceReturn">The time since the last of them; <see cref="TimeSpan.MaxValue"/> if none is known.</param>
public readonly record struct ReturnFacts(long Bytes, int ReturnCount, int PagesGone, TimeSpan SinceReturn);
