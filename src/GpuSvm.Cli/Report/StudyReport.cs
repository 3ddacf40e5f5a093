// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Report;

/// <summary>What `gpusvm compare` found, for JSON. Names become snake_case.</summary>
/// <param name="CostModels">The cost models that were used, whole.</param>
/// <param name="Rows">A row for each replay.</param>
internal sealed record StudyReport(IReadOnlyList<CostModel> CostModels, IReadOnlyList<StudyRow> Rows);
