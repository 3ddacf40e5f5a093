// SPDX-License-Identifier: MIT
using System.Text.Json.Serialization;
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Studies;

/// <summary>A cell with what its replay has come to.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Result">The figures; null if it failed.</param>
/// <param name="Failure">Why it failed; empty if it did not.</param>
public sealed record StudyRow(StudyCell Cell, ReplayResult? Result, string Failure = "")
{
    /// <summary>In a file of rows, by which version of the tool and from which files it was made; null elsewhere.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public string? MadeBy { get; init; }
}
