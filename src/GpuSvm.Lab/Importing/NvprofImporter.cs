// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Lab.Graphs;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads what nvprof prints with --print-gpu-trace, as text or with --csv. The line of column names comes first and says what stands where, since columns depend on the program.
/// With --csv a line of units follows it; in the text each number has its own. What stands before, and nvprof's own lines (==123==), are passed over.
/// </summary>
internal sealed class NvprofImporter : ILineImporter
{
    private static readonly System.Buffers.SearchValues<char> _digits = System.Buffers.SearchValues.Create("0123456789.");

    private readonly List<string> _fields = [];
    private readonly Dictionary<string, short> _devices = [];
    private string[]? _columns;
    private string[]? _units; // Of a table of comma-separated values.
    private bool _isCsv;
    private long _kernels;

    /// <inheritdoc/>
    public bool Read(ReadOnlySpan<byte> line, ImportOutput output)
    {
        if (line.StartsWith("=="u8) || line.Trim(" \t"u8).IsEmpty)
            return false;
        string text = Encoding.UTF8.GetString(line);
        if (text.Contains("Start", StringComparison.Ordinal) && text.Contains("Duration", StringComparison.Ordinal) && text.Contains("Name", StringComparison.Ordinal))
        {
            _isCsv = text.Contains(',', StringComparison.Ordinal);
            Split(text);
            _columns = [.. _fields];
            _units = null;
            if (!_columns.Contains("Start") || !_columns.Contains("Duration") || !_columns.Contains("Name"))
                throw new ImportLineException("the columns Start, Duration and Name", LineReader.Show(line));
            return false;
        }

        if (_columns is null || text.StartsWith("Regs:", StringComparison.Ordinal) || text.StartsWith("SSMem:", StringComparison.Ordinal) || text.StartsWith("DSMem:", StringComparison.Ordinal))
            return false;
        Split(text);
        if (_fields.Count != _columns.Length)
            throw new ImportLineException($"{_columns.Length} columns as in the table's head", $"{_fields.Count} in {LineReader.Show(line)}");
        if (_isCsv && _units is null)
        {
            _units = [.. _fields];
            return false;
        }

        Row(output);
        return true;
    }

    /// <summary>One row.</summary>
    /// <param name="output">Gets what it says.</param>
    private void Row(ImportOutput output)
    {
        string name = Field("Name");
        long start = output.TimeOf(Nanoseconds("Start"));
        long duration = Field("Duration") is "-" or "" ? 0 : Nanoseconds("Duration");
        if (!name.StartsWith("[Unified Memory", StringComparison.Ordinal))
        {
            if (!name.StartsWith('['))
            {
                output.Kernel(new TraceKernel(_kernels, Device(), IsEnd: false, name) { Time = start });
                output.Kernel(new TraceKernel(_kernels++, Device(), IsEnd: true, name) { Time = start + duration });
            }

            return;
        }

        string address = Field("Virtual Address");
        byte[] digits = Encoding.UTF8.GetBytes(address);
        ulong first = new LineScanner(digits).Hex("a virtual address");
        SvmEventKind? kind = name switch
        {
            "[Unified Memory Memcpy HtoD]" or "[Unified Memory Memcpy DtoH]" or "[Unified Memory Memcpy DtoD]" => SvmEventKind.Migration,
            "[Unified Memory GPU page faults]" => SvmEventKind.GpuFault,
            "[Unified Memory CPU page faults]" => SvmEventKind.CpuFault,
            "[Unified Memory thrashing]" => SvmEventKind.ThrashingDetected,
            "[Unified Memory throttling]" or "[Unified Memory page throttle]" => SvmEventKind.ThrottlingStart,
            "[Unified Memory remote map]" => SvmEventKind.MapRemote,
            _ => null,
        };
        if (kind is null)
            return;
        ulong bytes = kind is SvmEventKind.GpuFault or SvmEventKind.CpuFault ? PageSize.Bytes : Bytes();
        AddressRange interval = ImportOutput.Interval(first, bytes);
        short device = kind == SvmEventKind.CpuFault ? SvmPlace.Ram : Device();
        output.Event(new SvmEvent(kind.Value, interval.Start, interval.Bytes)
        {
            Timestamp = start + duration,
            Duration = duration,
            From = name.Contains("DtoH", StringComparison.Ordinal) ? device : name.Contains("HtoD", StringComparison.Ordinal) ? SvmPlace.Ram : SvmPlace.None,
            To = name.Contains("DtoH", StringComparison.Ordinal) ? SvmPlace.Ram : device,
            Access = MemoryAccess.Read,
        });
    }

    /// <summary>The device of the row.</summary>
    /// <returns>Its number: that in parentheses, or in the order of appearance.</returns>
    private short Device()
    {
        string device = Field("Device");
        int open = device.LastIndexOf('(');
        if (open >= 0 && device.EndsWith(')') && byte.TryParse(device.AsSpan(open + 1, device.Length - open - 2), NumberStyles.None, CultureInfo.InvariantCulture, out byte number))
            return number;
        if (!_devices.TryGetValue(device, out short known))
        {
            if (_devices.Count == 256)
                throw new ImportLineException("at most 256 devices", device);
            _devices.Add(device, known = (short)_devices.Count);
        }

        return known;
    }

    /// <summary>The field below a column's name.</summary>
    /// <param name="column">The name.</param>
    /// <returns>The field, empty if there is no such column.</returns>
    private string Field(string column) => Array.IndexOf(_columns!, column) is var index && index >= 0 ? _fields[index] : "";

    /// <summary>A time.</summary>
    /// <param name="column">Where.</param>
    /// <returns>Nanoseconds.</returns>
    private long Nanoseconds(string column)
    {
        (decimal value, string unit) = Quantity(column, "a time such as 351.11ms");
        decimal scale = unit switch { "ns" => 1, "us" => 1_000, "ms" => 1_000_000, "s" => 1_000_000_000, _ => 0 };
        return scale != 0 && value >= 0 && value < 1e18m / scale ? (long)(value * scale) : throw new ImportLineException("a time such as 351.11ms", $"\"{Field(column)}\" in unit \"{unit}\"");
    }

    /// <summary>The size in the column of unified memory; nothing there is a page.</summary>
    /// <returns>Bytes.</returns>
    private ulong Bytes()
    {
        if (Field("Unified Memory") is "-" or "")
            return PageSize.Bytes;
        (decimal value, string unit) = Quantity("Unified Memory", "a size such as 64.000000KB");
        decimal scale = unit.ToUpperInvariant() switch { "B" or "" => 1, "KB" => 1L << 10, "MB" => 1L << 20, "GB" => 1L << 30, _ => 0 };
        return scale != 0 && value >= 0 && value < (1L << 50) / scale ? (ulong)(value * scale) : throw new ImportLineException("a size such as 64.000000KB", $"\"{Field("Unified Memory")}\" in unit \"{unit}\"");
    }

    /// <summary>A number with its unit, its own or the column's.</summary>
    /// <param name="column">Where.</param>
    /// <param name="expected">For the message.</param>
    /// <returns>Both.</returns>
    private (decimal Value, string Unit) Quantity(string column, string expected)
    {
        string field = Field(column);
        int end = field.AsSpan().IndexOfAnyExcept(_digits);
        string digits = end < 0 ? field : field[..end];
        string unit = end >= 0 ? field[end..] : _units is null ? "" : _units[Array.IndexOf(_columns!, column)];
        return decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal value) ? (value, unit) : throw new ImportLineException(expected, $"\"{field}\"");
    }

    /// <summary>Cuts a line into fields: at commas outside of quotes, or at two blanks and more.</summary>
    /// <param name="line">The line.</param>
    private void Split(string line)
    {
        _fields.Clear();
        if (!_isCsv)
        {
            _fields.AddRange(line.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
            return;
        }

        var field = new StringBuilder();
        bool isQuoted = false;
        foreach (char one in line)
        {
            if (one == '"')
            {
                isQuoted = !isQuoted;
            }
            else if (one == ',' && !isQuoted)
            {
                _fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(one);
            }
        }

        _fields.Add(field.ToString());
    }
}
