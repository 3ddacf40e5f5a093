// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Studies;

/// <summary>The results of one share.</summary>
/// <param name="Path">The file that they are in.</param>
/// <param name="Origin">What it says of itself.</param>
/// <param name="Rows">Its rows, each with its place in the whole study.</param>
public sealed record StudyPart(string Path, StudyOrigin Origin, IReadOnlyList<(int Index, StudyRow Row)> Rows);
