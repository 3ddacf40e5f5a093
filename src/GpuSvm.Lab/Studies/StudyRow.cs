// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Studies;

/// <summary>A cell with what its replay has come to.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Result">The figures; null if it failed.</param>
/// <param name="Failure">Why it failed; empty if it did not.</param>
public sealed record StudyRow(StudyCell Cell, ReplayResult? Result, string Failure = "");
