// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Bench;

/// <summary>Measured values of one figure, kept to tell their median and 99th percentile.</summary>
internal sealed class Samples
{
    /// <summary>The values in the order measured, sorted on demand.</summary>
    private readonly List<double> _values = [];

    /// <summary>The number of values.</summary>
    public int Count => _values.Count;

    /// <summary>The middle value; the mean of the two middle ones of an even number.</summary>
    public double Median => Count % 2 == 1 ? At(Count / 2) : (At((Count / 2) - 1) + At(Count / 2)) / 2;

    /// <summary>The mean.</summary>
    public double Mean => _values.Average();

    /// <summary>The value that 99 % do not exceed.</summary>
    public double P99 => Percentile(0.99);

    /// <summary>Median and 99th percentile, scaled.</summary>
    /// <param name="factor">Multiplies both, to change the unit.</param>
    public (double Median, double P99) Summary(double factor) => (Median * factor, P99 * factor);

    /// <summary>The value that a share of all does not exceed.</summary>
    /// <param name="share">From 0 to 1.</param>
    public double Percentile(double share) => At(Math.Max(0, (int)Math.Ceiling(Count * share) - 1));

    /// <summary>Adds one value.</summary>
    /// <param name="value">In the figure's unit.</param>
    public void Add(double value) => _values.Add(value);

    /// <summary>The value at a place of the sorted order.</summary>
    private double At(int place)
    {
        _values.Sort();
        return _values[place];
    }
}
