// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Studies;

/// <summary>Rows that differ in their seed alone, with means.</summary>
/// <param name="cell">What they have in common.</param>
/// <param name="rows">The rows, at least one.</param>
public sealed class StudyGroup(StudyCell cell, IReadOnlyList<StudyRow> rows)
{
    // Student's t at 97.5 % for 1 to 30 degrees of freedom; beyond them nearly the normal distribution's.
    private static readonly double[] _t =
    [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052,
        2.048, 2.045, 2.042,
    ];

    private readonly ReplayResult[] _results = [.. rows.Where(row => row.Result is not null).Select(row => row.Result!)];

    /// <summary>What the rows have in common; the seed is 0.</summary>
    public StudyCell Cell { get; } = cell;

    /// <summary>How many seeds have a result.</summary>
    public int Seeds => _results.Length;

    /// <summary>Why the first that failed did; empty if none did.</summary>
    public string Failure { get; } = rows.FirstOrDefault(row => row.Result is null)?.Failure ?? "";

    /// <summary>The mean of a figure.</summary>
    /// <param name="figure">The figure.</param>
    /// <returns>The mean; not a number where every seed failed.</returns>
    public double Mean(Func<ReplayResult, double> figure) => _results.Length == 0 ? double.NaN : _results.Average(figure);

    /// <summary>Half of the 95 % confidence interval of a figure's mean.</summary>
    /// <param name="figure">The figure.</param>
    /// <returns>0 for one seed, and for figures that do not depend on it.</returns>
    public double Confidence(Func<ReplayResult, double> figure)
    {
        if (_results.Length < 2)
            return 0;
        double mean = Mean(figure);
        double variance = _results.Sum(result => Math.Pow(figure(result) - mean, 2)) / (_results.Length - 1);
        double t = _results.Length - 2 < _t.Length ? _t[_results.Length - 2] : 1.96;
        return t * Math.Sqrt(variance / _results.Length);
    }
}
