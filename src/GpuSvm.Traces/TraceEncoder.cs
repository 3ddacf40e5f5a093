// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Traces;

/// <summary>Bytes that grow: varints, distances, strings.</summary>
internal sealed class TraceEncoder
{
    private const int MostVarintBytes = 10;

    private byte[] _bytes = new byte[4096];
    private int _length;

    /// <summary>How many bytes there are.</summary>
    public int Length => _length;

    /// <summary>The bytes, good until more are written.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>Forgets everything.</summary>
    public void Clear() => _length = 0;

    /// <summary>Writes a byte.</summary>
    /// <param name="value">The byte.</param>
    public void Byte(byte value)
    {
        Reserve(1);
        _bytes[_length++] = value;
    }

    /// <summary>Writes a number in groups of 7 bits, lowest first; the top bit of a byte says that more follow.</summary>
    /// <param name="value">The number.</param>
    public void Varint(ulong value)
    {
        Reserve(MostVarintBytes);
        byte[] bytes = _bytes;
        int at = _length;
        while (value >= 0x80)
        {
            bytes[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        bytes[at++] = (byte)value;
        _length = at;
    }

    /// <summary>Writes a number with a sign: 0, -1, 1, -2 become 0, 1, 2, 3.</summary>
    /// <param name="value">The number.</param>
    public void Signed(long value) => Varint((ulong)((value << 1) ^ (value >> 63)));

    /// <summary>Writes a text: its bytes in UTF-8, counted.</summary>
    /// <param name="value">The text.</param>
    public void Text(string value)
    {
        int count = Encoding.UTF8.GetByteCount(value);
        Varint((ulong)count);
        Reserve(count);
        _length += Encoding.UTF8.GetBytes(value, _bytes.AsSpan(_length));
    }

    /// <summary>Writes what another has, counted.</summary>
    /// <param name="body">The other.</param>
    public void Counted(TraceEncoder body)
    {
        Varint((ulong)body.Length);
        Reserve(body.Length);
        body.Bytes.CopyTo(_bytes.AsSpan(_length));
        _length += body.Length;
    }

    /// <summary>Makes room.</summary>
    /// <param name="bytes">For how many more.</param>
    private void Reserve(int bytes)
    {
        if (_bytes.Length - _length < bytes)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes));
    }
}
