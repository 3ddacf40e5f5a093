// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Explaining;

/// <summary>One row of a heat map: a piece of the address space over time.</summary>
public sealed class HeatRow
{
    private long _resident;
    private long _since; // Until when residency has been added up.

    /// <summary>Faults on it, of devices and CPU threads.</summary>
    public TimeSeries Faults { get; } = new();

    /// <summary>Bytes that came to a device.</summary>
    public TimeSeries In { get; } = new();

    /// <summary>Bytes that went back to RAM.</summary>
    public TimeSeries Out { get; } = new();

    /// <summary>Bytes that were on a device, times nanoseconds.</summary>
    public TimeSeries Residency { get; } = new();

    /// <summary>Adds residency up to now, and changes it.</summary>
    /// <param name="axis">The time.</param>
    /// <param name="bytes">How many bytes have come; negative for those that have left.</param>
    public void Change(TimeAxis axis, long bytes)
    {
        while (_resident > 0 && _since < axis.Now)
        {
            int bin = (int)(_since / axis.Width);
            long end = Math.Min(axis.Now, (bin + 1) * axis.Width);
            Residency.Add(bin, (double)_resident * (end - _since));
            _since = end;
        }

        _since = axis.Now;
        _resident = Math.Max(0, _resident + bytes);
    }

    /// <summary>Takes in another row, up to the same time.</summary>
    /// <param name="other">The other.</param>
    public void Add(HeatRow other)
    {
        Faults.Add(other.Faults);
        In.Add(other.In);
        Out.Add(other.Out);
        Residency.Add(other.Residency);
        _resident += other._resident;
        _since = Math.Max(_since, other._since);
    }

    /// <summary>Makes one bin of every two.</summary>
    public void Fold()
    {
        Faults.Fold();
        In.Fold();
        Out.Fold();
        Residency.Fold();
    }
}
