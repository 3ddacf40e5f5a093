// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Explaining;

/// <summary>A figure by bin of a time axis: what has come together in each.</summary>
public sealed class TimeSeries
{
    private readonly double[] _bins = new double[TimeAxis.Bins];

    /// <summary>The sum over all bins.</summary>
    public double Sum { get; private set; }

    /// <summary>The largest bin.</summary>
    public double Largest => _bins.Max();

    /// <summary>What a bin has.</summary>
    /// <param name="bin">0 to <see cref="TimeAxis.Bins"/> - 1.</param>
    public double this[int bin] => _bins[bin];

    /// <summary>Adds to a bin.</summary>
    /// <param name="bin">The bin.</param>
    /// <param name="amount">How much.</param>
    public void Add(int bin, double amount)
    {
        _bins[bin] += amount;
        Sum += amount;
    }

    /// <summary>Makes one bin of every two.</summary>
    public void Fold()
    {
        for (int bin = 0; bin < TimeAxis.Bins; bin++)
            _bins[bin] = bin < TimeAxis.Bins / 2 ? _bins[2 * bin] + _bins[(2 * bin) + 1] : 0;
    }

    /// <summary>Adds another one's bins.</summary>
    /// <param name="other">The other, of the same axis.</param>
    public void Add(TimeSeries other)
    {
        for (int bin = 0; bin < TimeAxis.Bins; bin++)
            _bins[bin] += other._bins[bin];
        Sum += other.Sum;
    }
}
