// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;

namespace GpuSvm.Lab.Graphs;

/// <summary>
/// Reads a stream line by line as bytes, counting lines from 1, without an allocation per line. Ends of line are LF or CRLF; a line may be as long as
/// <see cref="LongestLine"/>. A damaged gzip stream shows up here as a format error on the line it breaks off in.
/// </summary>
public sealed class LineReader
{
    /// <summary>The longest line in bytes; anything longer is not text.</summary>
    private const int LongestLine = 1 << 20;

    /// <summary>Where the bytes come from.</summary>
    private readonly Stream _stream;

    /// <summary>Bytes read and not yet given out lie at [<see cref="_start"/>, <see cref="_end"/>).</summary>
    private byte[] _buffer = new byte[1 << 16];

    /// <summary>The first byte not yet given out.</summary>
    private int _start;

    /// <summary>One past the last byte read.</summary>
    private int _end;

    /// <summary>Whether the stream has ended.</summary>
    private bool _ended;

    /// <summary>Reads from a stream that the caller owns.</summary>
    /// <param name="stream">The text, already decompressed.</param>
    public LineReader(Stream stream)
    {
        _stream = stream;
    }

    /// <summary>The number of the line last given out, counted from 1; 0 before the first.</summary>
    public long Line { get; private set; }

    /// <summary>Gives the next line without its end, or false at the end of the file. The span is good until the next call.</summary>
    /// <param name="line">The bytes of the line.</param>
    /// <exception cref="GraphFormatException">The line is too long to be text, or the compressed stream is damaged.</exception>
    /// <remarks>A byte-order mark before the first line is dropped.</remarks>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        var searched = 0;
        while (true)
        {
            var available = _buffer.AsSpan(_start, _end - _start);
            var length = available[searched..].IndexOf((byte)'\n');
            if (length >= 0 || (_ended && available.Length > 0))
            {
                length = length < 0 ? available.Length : searched + length;
                line = available[..length];
                _start += Math.Min(length + 1, available.Length);
                Line++;
                if (line.EndsWith("\r"u8))
                    line = line[..^1];
                if (Line == 1 && line.StartsWith("\uFEFF"u8))
                    line = line[3..];
                return true;
            }

            if (_ended)
            {
                line = default;
                return false;
            }

            searched = available.Length;
            Fill();
        }
    }

    /// <summary>Reads more bytes behind those that wait, moving or growing the buffer when it is full.</summary>
    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= LongestLine)
                throw new GraphFormatException(Line + 1, "a line of text", $"more than {LongestLine:N0} bytes without an end of line");
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        int count;
        try
        {
            count = _stream.Read(_buffer, _end, _buffer.Length - _end);
        }
        catch (InvalidDataException)
        {
            throw new GraphFormatException(Line + 1, "an intact gzip stream", "damaged compressed data");
        }

        _ended = count == 0;
        _end += count;
    }

    /// <summary>Makes a piece of a line fit for an error message: quoted, at most 40 characters, control characters escaped.</summary>
    /// <param name="text">The bytes that stand there.</param>
    public static string Show(ReadOnlySpan<byte> text)
    {
        var shown = new StringBuilder("\"");
        foreach (var rune in Encoding.UTF8.GetString(text[..Math.Min(text.Length, 40)]).EnumerateRunes())
        {
            if (Rune.IsControl(rune) || rune == Rune.ReplacementChar)
                shown.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            else
                shown.Append(rune.ToString());
        }

        return shown.Append(text.Length > 40 ? "...\"" : "\"").ToString();
    }
}
