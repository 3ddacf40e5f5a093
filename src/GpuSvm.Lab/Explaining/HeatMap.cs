// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Lab.Explaining;

/// <summary>Addresses over time: for each piece of the address space that anything happened to what it had of faults, of bytes that moved, and of residency, in bins of time. When there are too many rows each becomes twice as high.</summary>
public sealed class HeatMap
{
    /// <summary>The most rows.</summary>
    public const int MostRows = 160;

    private const int FirstShift = 16;

    private readonly TimeAxis _axis;
    private Dictionary<ulong, HeatRow> _rows = [];

    /// <summary>Makes an empty map.</summary>
    /// <param name="axis">Its time.</param>
    public HeatMap(TimeAxis axis)
    {
        _axis = axis;
        axis.WhenFolded(() =>
        {
            foreach (HeatRow row in _rows.Values)
                row.Fold();
        });
    }

    /// <summary>log2 of a row's bytes.</summary>
    public int Shift { get; private set; } = FirstShift;

    /// <summary>Bytes of a row.</summary>
    public long RowBytes => 1L << Shift;

    /// <summary>The rows with their first address, by address.</summary>
    public IReadOnlyList<(VirtualAddress Start, HeatRow Row)> Rows => [.. _rows.OrderBy(row => row.Key).Select(row => (new VirtualAddress(row.Key << Shift), row.Value))];

    /// <summary>The row of an address, made if need be; what is added to it belongs into the axis's present bin.</summary>
    /// <param name="address">The address.</param>
    public HeatRow Of(ulong address)
    {
        if (_rows.TryGetValue(address >> Shift, out HeatRow? row))
            return row;
        while (_rows.Count >= MostRows)
            Grow();
        if (!_rows.TryGetValue(address >> Shift, out row))
            _rows.Add(address >> Shift, row = new HeatRow());
        return row;
    }

    /// <summary>Adds residency up to now everywhere.</summary>
    public void Settle()
    {
        foreach (HeatRow row in _rows.Values)
            row.Change(_axis, 0);
    }

    /// <summary>Makes rows twice as high.</summary>
    private void Grow()
    {
        Settle(); // Rows are added up to the same time.
        var grown = new Dictionary<ulong, HeatRow>();
        foreach ((ulong number, HeatRow row) in _rows)
        {
            if (!grown.TryGetValue(number >> 1, out HeatRow? whole))
                grown.Add(number >> 1, whole = new HeatRow());
            whole.Add(row);
        }

        _rows = grown;
        Shift++;
    }
}
