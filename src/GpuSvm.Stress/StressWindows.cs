// SPDX-License-Identifier: MIT
namespace GpuSvm.Stress;

/// <summary>Windows of the explorer's schedules on real memory: moments in which a schedule lets another thread into what would have gone on at once.</summary>
/// <param name="Runs">Runs of a mode.</param>
/// <param name="Windows">Windows of the schedules that went with them.</param>
/// <param name="Hits">Those in which the other thread did come there.</param>
public readonly record struct StressWindows(long Runs, long Windows, long Hits)
{
    /// <summary>The part of them that was hit; 0 where there were none.</summary>
    public double Part => Windows == 0 ? 0 : (double)Hits / Windows;

    /// <summary>Adds a run.</summary>
    /// <param name="windows">Its windows.</param>
    /// <param name="hits">Those that were hit.</param>
    /// <returns>The sum.</returns>
    internal StressWindows Add(int windows, int hits) => new(Runs + 1, Windows + windows, Hits + hits);
}
