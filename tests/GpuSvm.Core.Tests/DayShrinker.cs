// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Tests;

/// <summary>Makes a history that goes wrong shorter: leaves out halves, quarters and so on, as long as it still goes wrong in the same way.</summary>
internal static class DayShrinker
{
    private const int MostOperations = 20_000;

    /// <summary>Shrinks a history.</summary>
    /// <param name="settings">The machine.</param>
    /// <param name="operations">A history whose last operation goes wrong.</param>
    /// <param name="failure">How.</param>
    /// <param name="last">How the shortest goes wrong.</param>
    /// <returns>The shortest found.</returns>
    public static List<DayOperation> Shrink(DaySettings settings, List<DayOperation> operations, DayFailure failure, out DayFailure last)
    {
        string way = WayOf(failure);
        last = failure;
        int played = 0;
        for (int piece = operations.Count / 2; piece > 0 && played < MostOperations; piece /= 2)
        {
            for (int at = 0; at < operations.Count && played < MostOperations;)
            {
                List<DayOperation> shorter = [.. operations[..at], .. operations.Skip(at + piece)];
                played += shorter.Count;
                if (DayRun.Play(settings, shorter) is not { } again || WayOf(again) != way)
                {
                    at += piece;
                    continue;
                }

                operations = [.. shorter.Take(again.Number + 1)];
                last = again;
            }
        }

        return operations;
    }

    /// <summary>What is the same of two failures of one cause: the message's first line without its numbers.</summary>
    private static string WayOf(DayFailure failure)
    {
        string line = failure.Exception.Message.Split('\n')[0];
        return new string([.. line.Where(letter => !char.IsAsciiHexDigit(letter))]);
    }
}
