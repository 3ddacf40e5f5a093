// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Races;

/// <summary>One line of a picture.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Thread">Whose line it is; -1 for one of the whole.</param>
/// <param name="Step">The number of the step it tells, or of the first after it.</param>
/// <param name="Text">What happened, in words.</param>
/// <param name="IsNotable">Whether it is shown at first sight; the others are folded.</param>
/// <param name="Lanes">All lanes at this line.</param>
/// <param name="Changes">Which sequences and pages stand differently from here on: name and state.</param>
internal sealed record RaceLine(
    RaceLineKind Kind, int Thread, int Step, string Text, bool IsNotable, IReadOnlyList<RaceLane> Lanes, IReadOnlyList<(string Name, string State)> Changes)
{
    /// <summary>Whether a watched name is that of a sequence; otherwise it is that of a page.</summary>
    /// <param name="name">The name.</param>
    /// <returns>True if so.</returns>
    public static bool IsSequence(string name) => name == "seq" || name.StartsWith("window ", StringComparison.Ordinal);
}
