// SPDX-License-Identifier: MIT
namespace GpuSvm.Mutants;

/// <summary>One text that is replaced.</summary>
/// <param name="Path">The file, from the repository's root.</param>
/// <param name="Find">Whole lines that are in it exactly once.</param>
/// <param name="Replace">What stands there instead.</param>
public sealed record MutantChange(string Path, string Find, string Replace);
