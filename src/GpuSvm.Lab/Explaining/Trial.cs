// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Explaining;

/// <summary>What a replay with suggestions has come to.</summary>
/// <param name="Suggestions">What was followed.</param>
/// <param name="Result">The figures; null where the replay could not be made.</param>
/// <param name="Failure">Why it could not; empty if it could.</param>
public sealed record Trial(IReadOnlyList<Suggestion> Suggestions, ReplayResult? Result, string Failure = "")
{
    private const double Least = 0.01; // Below it nobody would notice.

    /// <summary>The part of the modelled time that it saves: below 0 it costs time. 0 where there is no result.</summary>
    /// <param name="before">The replay without it.</param>
    public double Gain(ReplayResult before)
    {
        ArgumentNullException.ThrowIfNull(before);
        return Result is null || before.ModelledNanoseconds <= 0 ? 0 : 1 - (Result.ModelledNanoseconds / before.ModelledNanoseconds);
    }

    /// <summary>Whether it is worth following.</summary>
    /// <param name="before">The replay without it.</param>
    public bool Helps(ReplayResult before) => Gain(before) >= Least && Result!.FailedAccesses <= before.FailedAccesses;

    /// <summary>Whether it makes matters worse.</summary>
    /// <param name="before">The replay without it.</param>
    public bool Hurts(ReplayResult before) => Gain(before) <= -Least;

    /// <summary>What came of it, in a word or two.</summary>
    /// <param name="before">The replay without it; null where none was made.</param>
    /// <returns>helps, hurts, no difference, failed, or not replayed.</returns>
    public string Verdict(ReplayResult? before) =>
        Failure.Length > 0 ? "failed" : Result is null || before is null ? "not replayed" : Helps(before) ? "helps" : Hurts(before) ? "hurts" : "no difference";
}
