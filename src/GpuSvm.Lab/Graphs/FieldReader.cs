// SPDX-License-Identifier: MIT
using System.Buffers.Text;

namespace GpuSvm.Lab.Graphs;

/// <summary>Cuts one line into fields, either at a separator byte or at runs of blanks and tabs, without allocation.</summary>
public ref struct FieldReader
{
    /// <summary>What is left of the line.</summary>
    private ReadOnlySpan<byte> _rest;

    /// <summary>The separator, or 0 for runs of blanks and tabs.</summary>
    private readonly byte _separator;

    /// <summary>Whether a separator stood behind the last field, so that one more field follows even if it is empty.</summary>
    private bool _more;

    /// <summary>Begins at the first field.</summary>
    /// <param name="line">The line without its end.</param>
    /// <param name="separator">The byte between fields, or 0 for runs of blanks and tabs.</param>
    public FieldReader(ReadOnlySpan<byte> line, byte separator)
    {
        _rest = Trim(line);
        _separator = separator;
        _more = _rest.Length > 0;
    }

    /// <summary>Gives the next field without blanks or quotes around it, or false at the end of the line.</summary>
    /// <param name="field">The bytes of the field.</param>
    public bool TryNext(out ReadOnlySpan<byte> field)
    {
        if (!_more)
        {
            field = default;
            return false;
        }

        var end = _separator == 0 ? _rest.IndexOfAny((byte)' ', (byte)'\t') : _rest.IndexOf(_separator);
        _more = end >= 0;
        field = Trim(_more ? _rest[..end] : _rest);
        _rest = _more ? _rest[(end + 1)..] : default;
        if (_separator == 0)
            _rest = Trim(_rest);
        if (field.Length >= 2 && field[0] == (byte)'"' && field[^1] == (byte)'"')
            field = Trim(field[1..^1]);
        return true;
    }

    /// <summary>Gives the next field as a whole number of 0 or greater.</summary>
    /// <param name="value">The number.</param>
    /// <returns>False if there is no field or it is not such a number.</returns>
    public bool TryNextNumber(out long value)
    {
        value = 0;
        return TryNext(out var field) && Utf8Parser.TryParse(field, out value, out var used) && used == field.Length && value >= 0;
    }

    /// <summary>Takes blanks and tabs off both ends.</summary>
    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text) => text.Trim(" \t"u8);
}
