// SPDX-License-Identifier: MIT
using System.Buffers.Text;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Lab.Importing;

/// <summary>Takes a line apart from left to right, without allocation. What is not there as wanted is a <see cref="ImportLineException"/> that shows what is.</summary>
/// <param name="line">The line without its end.</param>
internal ref struct LineScanner(ReadOnlySpan<byte> line)
{
    /// <summary>What is left.</summary>
    public ReadOnlySpan<byte> Rest { get; private set; } = line;

    /// <summary>Whether nothing but blanks is left.</summary>
    public readonly bool IsAtEnd => Rest.Trim(" \t"u8).IsEmpty;

    /// <summary>Passes over blanks and tabs.</summary>
    public void SkipBlanks() => Rest = Rest.TrimStart(" \t"u8);

    /// <summary>Takes a text if it stands here.</summary>
    /// <param name="text">The text.</param>
    /// <returns>Whether it did.</returns>
    public bool TryTake(ReadOnlySpan<byte> text)
    {
        if (!Rest.StartsWith(text))
            return false;
        Rest = Rest[text.Length..];
        return true;
    }

    /// <summary>Takes a text that must stand here.</summary>
    /// <param name="text">The text.</param>
    public void Take(ReadOnlySpan<byte> text)
    {
        if (!TryTake(text))
            throw Unexpected(System.Text.Encoding.UTF8.GetString(text) is var wanted && wanted.Trim().Length == 0 ? "a blank" : $"\"{wanted}\"");
    }

    /// <summary>Passes over everything before a text, and over the text.</summary>
    /// <param name="text">The text.</param>
    /// <returns>Whether it was there; if not, nothing is passed over.</returns>
    public bool TrySkipPast(ReadOnlySpan<byte> text)
    {
        int at = Rest.IndexOf(text);
        if (at < 0)
            return false;
        Rest = Rest[(at + text.Length)..];
        return true;
    }

    /// <summary>Takes a number in hexadecimal, with or without 0x before it, of at most 64 bits.</summary>
    /// <param name="what">What it is, for the message.</param>
    /// <returns>The number.</returns>
    public ulong Hex(string what)
    {
        LineScanner before = this;
        _ = TryTake("0x"u8) || TryTake("0X"u8);
        if (!Utf8Parser.TryParse(Rest, out ulong value, out int used, 'x') || !Ends(used))
            throw before.Unexpected($"{what} in hexadecimal");
        Rest = Rest[used..];
        return value;
    }

    /// <summary>Takes a decimal number that is not negative.</summary>
    /// <param name="what">What it is, for the message.</param>
    /// <returns>The number.</returns>
    public long Number(string what)
    {
        if (!Utf8Parser.TryParse(Rest, out long value, out int used) || value < 0 || !Ends(used))
            throw Unexpected(what);
        Rest = Rest[used..];
        return value;
    }

    /// <summary>Takes a number that is decimal, or hexadecimal behind 0x.</summary>
    /// <param name="what">What it is, for the message.</param>
    /// <returns>The number.</returns>
    public ulong NumberOrHex(string what) => Rest.StartsWith("0x"u8) || Rest.StartsWith("0X"u8) ? Hex(what) : (ulong)Number(what);

    /// <summary>Takes seconds with a fraction, as logs have them.</summary>
    /// <param name="what">What they are, for the message.</param>
    /// <returns>Nanoseconds.</returns>
    public long Seconds(string what)
    {
        if (!Utf8Parser.TryParse(Rest, out decimal value, out int used) || value < 0 || value > 1_000_000_000)
            throw Unexpected(what);
        Rest = Rest[used..];
        return (long)(value * 1_000_000_000m);
    }

    /// <summary>Takes what stands before the next blank, or the end.</summary>
    /// <returns>The word; empty at the end.</returns>
    public ReadOnlySpan<byte> Word()
    {
        int end = Rest.IndexOfAny((byte)' ', (byte)'\t');
        ReadOnlySpan<byte> word = end < 0 ? Rest : Rest[..end];
        Rest = Rest[word.Length..];
        return word;
    }

    /// <summary>The complaint that something else was wanted here.</summary>
    /// <param name="expected">What, as a noun phrase.</param>
    /// <returns>The exception, to be thrown.</returns>
    public readonly ImportLineException Unexpected(string expected) => new(expected, Rest.IsEmpty ? "" : LineReader.Show(Rest));

    /// <summary>Whether a number ends where its digits do, and not in a word or a number too large.</summary>
    /// <param name="used">Its digits.</param>
    /// <returns>True if so.</returns>
    private readonly bool Ends(int used) => used > 0 && (used == Rest.Length || !char.IsAsciiLetterOrDigit((char)Rest[used]));
}
