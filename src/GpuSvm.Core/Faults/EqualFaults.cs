// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Faults;

/// <summary>What a look at fetched faults has found: those that equal the first one.</summary>
/// <param name="Run">How many at the front, at least 1.</param>
/// <param name="Strongest">The first of all of them with the strongest access.</param>
/// <param name="AreAlike">Whether those at the front all try the same.</param>
/// <param name="AreInOneRun">Whether those at the front are all.</param>
internal readonly record struct EqualFaults(int Run, int Strongest, bool AreAlike, bool AreInOneRun);
