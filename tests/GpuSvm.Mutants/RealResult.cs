// SPDX-License-Identifier: MIT
using System.Globalization;

namespace GpuSvm.Mutants;

/// <summary>What became of the search for one mutant on real memory, in one way.</summary>
/// <param name="Id">The mutant.</param>
/// <param name="Scenario">The scenario.</param>
/// <param name="Way">How runs were delayed: none, random, pct (along schedules by PCT), found (along the schedule that the explorer found).</param>
/// <param name="Runs">Runs until one failed; if none did, all.</param>
/// <param name="Failure">How it failed; "-" if it did not.</param>
internal sealed record RealResult(string Id, string Scenario, string Way, long Runs, string Failure)
{
    private const char Separator = '|';

    /// <summary>The ways, in the order in which they are tried.</summary>
    public static IReadOnlyList<string> Ways { get; } = ["none", "random", "pct", "found"];

    /// <summary>Whether a run failed.</summary>
    public bool IsFound => Failure != "-";

    /// <summary>Reads a line that <see cref="ToLine"/> wrote.</summary>
    /// <param name="line">The line.</param>
    /// <returns>The result; null for another line.</returns>
    public static RealResult? Parse(string line)
    {
        string[] parts = line.Split(Separator, 5);
        return parts.Length == 5 && long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out long runs) && Ways.Contains(parts[2]) ? new RealResult(parts[0], parts[1], parts[2], runs, parts[4]) : null;
    }

    /// <summary>The result as one line.</summary>
    /// <returns>The line, without its end: of an exception its first line only.</returns>
    public string ToLine() => string.Join(Separator, Id, Scenario, Way, Runs.ToString(CultureInfo.InvariantCulture), Failure.Split('\n')[0].Trim().Replace(Separator, '/'));
}
