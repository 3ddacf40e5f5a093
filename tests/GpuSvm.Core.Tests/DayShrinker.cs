// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Tests;

/// <summary>Makes a history that goes wrong shorter: leaves out halves, quarters and so on, as long as it still goes wrong.</summary>
internal static class DayShrinker
{
    private const int MostOperations = 60_000;

    /// <summary>Shrinks a history.</summary>
    /// <param name="settings">The machine.</param>
    /// <param name="operations">A history whose last operation goes wrong.</param>
    /// <param name="last">How the shortest goes wrong; null if none shorter does.</param>
    /// <returns>The shortest found.</returns>
    public static List<DayOperation> Shrink(DaySettings settings, List<DayOperation> operations, out DayFailure? last)
    {
        last = null;
        int played = 0;
        for (int piece = operations.Count / 2; piece > 0 && played < MostOperations; piece /= 2)
        {
            for (int at = 0; at < operations.Count && played < MostOperations;)
            {
                List<DayOperation> shorter = [.. operations[..at], .. operations.Skip(at + piece)];
                played += shorter.Count;
                if (DayRun.Play(settings, shorter) is not { } failure)
                {
                    at += piece;
                    continue;
                }

                operations = [.. shorter.Take(failure.Number + 1)];
                last = failure;
            }
        }

        return operations;
    }
}
