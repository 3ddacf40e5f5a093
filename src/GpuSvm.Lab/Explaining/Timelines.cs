// SPDX-License-Identifier: MIT
using GpuSvm.Core.Host;

namespace GpuSvm.Lab.Explaining;

/// <summary>What a trace had over time: faults, bytes by direction and cause, and memory on devices.</summary>
public sealed class Timelines
{
    private readonly SortedDictionary<(bool ToDevice, MigrationCause Cause), TimeSeries> _bytes = [];
    private long _since; // Until when residency has been added up.

    /// <summary>Makes empty rows.</summary>
    /// <param name="axis">Their time.</param>
    public Timelines(TimeAxis axis) => axis.WhenFolded(() =>
    {
        foreach (TimeSeries series in (IEnumerable<TimeSeries>)[DeviceFaults, CpuFaults, Residency, .. _bytes.Values])
            series.Fold();
    });

    /// <summary>Faults of devices.</summary>
    public TimeSeries DeviceFaults { get; } = new();

    /// <summary>Faults of CPU threads.</summary>
    public TimeSeries CpuFaults { get; } = new();

    /// <summary>Bytes on devices, times nanoseconds.</summary>
    public TimeSeries Residency { get; } = new();

    /// <summary>Bytes that moved, by direction and cause.</summary>
    public IReadOnlyDictionary<(bool ToDevice, MigrationCause Cause), TimeSeries> Bytes => _bytes;

    /// <summary>The series of a direction and cause, made if need be.</summary>
    /// <param name="toDevice">Whether to a device; otherwise to RAM.</param>
    /// <param name="cause">The cause.</param>
    public TimeSeries BytesOf(bool toDevice, MigrationCause cause)
    {
        if (!_bytes.TryGetValue((toDevice, cause), out TimeSeries? series))
            _bytes.Add((toDevice, cause), series = new TimeSeries());
        return series;
    }

    /// <summary>Adds residency up to now.</summary>
    /// <param name="axis">The time.</param>
    /// <param name="resident">How many bytes were there since the last call.</param>
    public void Resident(TimeAxis axis, long resident)
    {
        while (_since < axis.Now)
        {
            int bin = (int)(_since / axis.Width);
            long end = Math.Min(axis.Now, (bin + 1) * axis.Width);
            Residency.Add(bin, (double)resident * (end - _since));
            _since = end;
        }
    }
}
