// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Races;

/// <summary>What one thread did until another went on.</summary>
/// <param name="Thread">The thread.</param>
/// <param name="Step">Its first step.</param>
/// <param name="Operations">What it did in the scenario's words; an operation that began earlier has "... " in front.</param>
/// <param name="Ending">Why it went no further; empty where the schedule ended.</param>
/// <param name="IsPreempted">Whether the turn was taken from it.</param>
internal sealed record RaceStretch(int Thread, int Step, IReadOnlyList<string> Operations, string Ending, bool IsPreempted);
