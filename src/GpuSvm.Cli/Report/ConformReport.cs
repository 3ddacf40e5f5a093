// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Conformance;

namespace GpuSvm.Cli.Report;

/// <summary>What `gpusvm conform` found, for people and for JSON alike. Names become snake_case in JSON.</summary>
/// <param name="Memory">"simulated".</param>
/// <param name="Traces">How many traces were replayed.</param>
/// <param name="Equal">How many of them gave the recorded answer in every field of every line.</param>
/// <param name="Differences">The first difference of each of the others.</param>
internal sealed record ConformReport(string Memory, int Traces, int Equal, IReadOnlyList<TraceDifference> Differences);
