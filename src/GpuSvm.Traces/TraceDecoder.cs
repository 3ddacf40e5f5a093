// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Traces;

/// <summary>Reads what <see cref="TraceEncoder"/> wrote. What goes beyond the end or cannot be is remembered, not thrown: ask <see cref="IsGood"/>.</summary>
/// <param name="bytes">The bytes.</param>
internal ref struct TraceDecoder(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Where the next byte is read.</summary>
    public int Position { get; private set; }

    /// <summary>Whether everything read so far was there.</summary>
    public bool IsGood { get; private set; } = true;

    /// <summary>Whether all has been read.</summary>
    public readonly bool IsAtEnd => Position >= _bytes.Length;

    /// <summary>Reads a byte.</summary>
    /// <returns>The byte; 0 beyond the end.</returns>
    public byte Byte()
    {
        if ((uint)Position < (uint)_bytes.Length)
            return _bytes[Position++];
        IsGood = false;
        return 0;
    }

    /// <summary>Reads a number.</summary>
    /// <returns>The number; 0 if there is none.</returns>
    public ulong Varint()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        int at = Position;
        ulong value = 0;
        for (int shift = 0; shift < 64 && (uint)at < (uint)bytes.Length; shift += 7)
        {
            byte next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                Position = at;
                return value;
            }
        }

        IsGood = false;
        return 0;
    }

    /// <summary>Reads a number with a sign.</summary>
    /// <returns>The number.</returns>
    public long Signed()
    {
        ulong value = Varint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>Reads a number that must lie in a range.</summary>
    /// <param name="least">The least it may be.</param>
    /// <param name="most">The most.</param>
    /// <returns>The number; the least for one outside, which is not good.</returns>
    public long Within(long least, long most)
    {
        ulong value = Varint();
        if (value <= (ulong)most && (long)value >= least)
            return (long)value;
        IsGood = false;
        return least;
    }

    /// <summary>Reads a text.</summary>
    /// <returns>The text; empty if it is not all there.</returns>
    public string Text() => Encoding.UTF8.GetString(Counted());

    /// <summary>Reads counted bytes.</summary>
    /// <returns>The bytes; empty if they are not all there.</returns>
    public ReadOnlySpan<byte> Counted()
    {
        ulong count = Varint();
        if (count > (ulong)(_bytes.Length - Position))
            IsGood = false;
        ReadOnlySpan<byte> counted = IsGood ? _bytes.Slice(Position, (int)count) : default;
        Position += counted.Length;
        return counted;
    }
}
