// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Replay;

namespace GpuSvm.Cli.Report;

/// <summary>What replaying suggestions gives, for JSON.</summary>
/// <param name="Suggestions">What was followed.</param>
/// <param name="How">How to do it, a line for each.</param>
/// <param name="Gain">The part of modelled time that it saves; below 0 where it costs time.</param>
/// <param name="Verdict">helps, hurts, no difference, failed, or not replayed.</param>
/// <param name="Failure">Why it failed; empty if it did not.</param>
/// <param name="Result">The figures; null where there are none.</param>
internal sealed record ExplainedTrial(IReadOnlyList<string> Suggestions, IReadOnlyList<string> How, double Gain, string Verdict, string Failure, ReplayResult? Result)
{
    /// <summary>A trial for JSON.</summary>
    /// <param name="trial">The trial.</param>
    /// <param name="before">The replay without it; null where none was made.</param>
    public static ExplainedTrial Of(Trial trial, ReplayResult? before)
        => new([.. trial.Suggestions.Select(one => one.Text)], [.. trial.Suggestions.Select(one => one.How)], before is null ? 0 : trial.Gain(before), trial.Verdict(before), trial.Failure, trial.Result);
}
