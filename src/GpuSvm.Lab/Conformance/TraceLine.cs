// SPDX-License-Identifier: MIT
using System.Buffers;
using System.Globalization;

namespace GpuSvm.Lab.Conformance;

/// <summary>One line of a trace, read from left to right.</summary>
/// <param name="name">The trace.</param>
/// <param name="number">The line's number, from 1.</param>
/// <param name="text">The line.</param>
internal ref struct TraceLine(string name, int number, string text)
{
    private const int QuotedChars = 16; // As much of what was found as a message shows.

    private static readonly SearchValues<char> _hexadecimal = SearchValues.Create("0123456789abcdef");

    private int _position; // The next character.

    /// <summary>A piece of text for a message: its beginning, in quotes.</summary>
    /// <param name="text">The text.</param>
    /// <returns>What to write.</returns>
    public static string Quote(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return "the end of the line";
        string shown = text[..Math.Min(text.Length, QuotedChars)].ToString();
        return $"'{string.Concat(shown.Select(c => char.IsControl(c) ? '?' : c))}'";
    }

    /// <summary>Skips blanks, if there are any.</summary>
    public void SkipBlanks()
    {
        while (_position < text.Length && text[_position] == ' ')
            _position++;
    }

    /// <summary>Skips blanks, at least one.</summary>
    public void Blanks()
    {
        Expect(" ");
        SkipBlanks();
    }

    /// <summary>Reads exactly a text.</summary>
    /// <param name="expected">The text.</param>
    public void Expect(string expected)
    {
        if (!TryExpect(expected))
            throw Refuse($"'{expected}'");
    }

    /// <summary>Reads a text if it stands there.</summary>
    /// <param name="expected">The text.</param>
    /// <returns>True if it did.</returns>
    public bool TryExpect(string expected)
    {
        if (!text.AsSpan(_position).StartsWith(expected, StringComparison.Ordinal))
            return false;
        _position += expected.Length;
        return true;
    }

    /// <summary>Finds that the line ends here; blanks may stand before its end.</summary>
    public void ExpectEnd()
    {
        SkipBlanks();
        if (_position < text.Length)
            throw Refuse("the end of the line");
    }

    /// <summary>Reads the word of an operation.</summary>
    /// <returns>The operation.</returns>
    public TraceOperation Operation()
    {
        int end = text.IndexOf(' ', _position);
        ReadOnlySpan<char> word = text.AsSpan(_position, (end < 0 ? text.Length : end) - _position);
        if (!TraceWords.TryFind(word, out TraceOperation operation))
            throw Refuse($"an operation ({string.Join(", ", TraceWords.All)})");
        _position += word.Length;
        return operation;
    }

    /// <summary>Reads a letter and a number.</summary>
    /// <param name="prefix">The letter.</param>
    /// <param name="least">The least number.</param>
    /// <param name="most">The greatest.</param>
    /// <param name="expected">What a message calls it.</param>
    /// <returns>The number.</returns>
    public int Prefixed(char prefix, int least, int most, string expected)
    {
        if (_position == text.Length || text[_position] != prefix)
            throw Refuse(expected);
        _position++;
        return Number(least, most, expected);
    }

    /// <summary>Reads a decimal number without leading zeroes.</summary>
    /// <param name="least">The least.</param>
    /// <param name="most">The greatest.</param>
    /// <param name="expected">What a message calls it.</param>
    /// <returns>The number.</returns>
    public int Number(int least, int most, string expected)
    {
        int end = _position + (_position < text.Length && text[_position] == '-' ? 1 : 0);
        while (end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        string digits = text[_position..end];
        bool isNumber = int.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value);
        if (!isNumber || value < least || value > most || value.ToString(CultureInfo.InvariantCulture) != digits)
            throw Refuse(expected);
        _position = end;
        return value;
    }

    /// <summary>Reads a hexadecimal number of fixed length, in lower case.</summary>
    /// <param name="digits">How many digits.</param>
    /// <param name="expected">What a message calls it.</param>
    /// <returns>The number.</returns>
    public uint Hexadecimal(int digits, string expected)
    {
        if (text.Length - _position < digits || text.AsSpan(_position, digits).ContainsAnyExcept(_hexadecimal))
            throw Refuse(expected);
        uint value = uint.Parse(text.AsSpan(_position, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        _position += digits;
        return value;
    }

    /// <summary>The refusal of what stands here.</summary>
    /// <param name="expected">What should stand here.</param>
    /// <returns>The exception to throw.</returns>
    private readonly TraceFormatException Refuse(string expected) => new(name, number, _position + 1, expected, Quote(text.AsSpan(_position)));
}
