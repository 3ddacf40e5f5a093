// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Conformance;

namespace GpuSvm.Cli.Report;

/// <summary>What `gpusvm conform` found, for people and for JSON alike. Names become snake_case in JSON.</summary>
/// <param name="Memory">"simulated" or "real".</param>
/// <param name="Traces">How many traces were replayed.</param>
/// <param name="Equal">How many of them gave the recorded answer in every field of every line, but for the next two.</param>
/// <param name="OtherFaultCounts">On real memory: lines on which only the number of faults is another.</param>
/// <param name="OtherPlacements">On real memory: lines on which pages are elsewhere, with the same bytes.</param>
/// <param name="Differences">The first difference of each of the others.</param>
internal sealed record ConformReport(string Memory, int Traces, int Equal, int OtherFaultCounts, int OtherPlacements, IReadOnlyList<TraceDifference> Differences);
