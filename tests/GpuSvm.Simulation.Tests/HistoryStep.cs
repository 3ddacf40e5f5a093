// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Tests;

/// <summary>One step of a random history; what its numbers mean depends on the state it meets, so that every history is valid and shrinks well.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Where">Picks an allocation and a page in it.</param>
/// <param name="Size">Picks an order or a length.</param>
/// <param name="Value">Picks bytes.</param>
public readonly record struct HistoryStep(HistoryStepKind Kind, int Where, int Size, int Value);
