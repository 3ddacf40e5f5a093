// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Conformance;

/// <summary>The first line of a trace at which the replay says something else.</summary>
/// <param name="Trace">The trace's name.</param>
/// <param name="Step">The step's number; the number of steps for the last line.</param>
/// <param name="Expected">What the trace says.</param>
/// <param name="Actual">What the replay says.</param>
/// <param name="Pages">The pages of the step and two on each side as they were before it and after it, for people.</param>
public sealed record TraceDifference(string Trace, int Step, string Expected, string Actual, IReadOnlyList<TracePageState> Pages);
