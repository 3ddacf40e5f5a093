// SPDX-License-Identifier: MIT
using System.Globalization;

namespace GpuSvm.Mutants;

/// <summary>What became of the search for one mutant.</summary>
/// <param name="Id">The mutant.</param>
/// <param name="Scenario">The scenario that found it; "-" if none did.</param>
/// <param name="Strategy">The strategy that found it.</param>
/// <param name="Schedules">The schedules that this strategy needed; if nobody found it, those of all together.</param>
/// <param name="Preemptions">The preemptions of the shrunk schedule.</param>
/// <param name="Decisions">The shrunk schedule, to be replayed on the mutated code.</param>
/// <param name="Failure">How it failed.</param>
internal sealed record MutantResult(string Id, string Scenario, string Strategy, long Schedules, int Preemptions, string Decisions, string Failure)
{
    private const char Separator = '|';

    /// <summary>Whether the explorer saw the bug.</summary>
    public bool IsFound => Scenario != "-";

    /// <summary>Reads a line that <see cref="ToLine"/> wrote.</summary>
    /// <param name="line">The line.</param>
    /// <returns>The result.</returns>
    public static MutantResult Parse(string line)
    {
        string[] parts = line.Split(Separator, 7);
        if (parts.Length != 7)
            throw new FormatException($"This is no result: {line}");
        return new MutantResult(
            parts[0], parts[1], parts[2], long.Parse(parts[3], CultureInfo.InvariantCulture), int.Parse(parts[4], CultureInfo.InvariantCulture), parts[5], parts[6]);
    }

    /// <summary>The result as one line.</summary>
    /// <returns>The line, without its end.</returns>
    public string ToLine() =>
        string.Join(Separator, Id, Scenario, Strategy, Schedules.ToString(CultureInfo.InvariantCulture), Preemptions.ToString(CultureInfo.InvariantCulture), Decisions, Failure.Replace(Separator, '/').ReplaceLineEndings(" "));
}
