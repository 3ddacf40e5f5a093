// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What a placement policy is told about a range the GPU has touched.</summary>
/// <param name="Bytes">The range's size.</param>
/// <param name="IsMigratable">Whether its pages may move at all.</param>
/// <param name="ReturnCount">How often its pages left the device again shortly after they had come.</param>
/// <param name="TicksSinceReturn">Stopwatch ticks since its pages last left the device against the GPU's will; <see cref="long.MaxValue"/> if never.</param>
public readonly record struct PlacementFacts(long Bytes, bool IsMigratable, int ReturnCount, long TicksSinceReturn);
