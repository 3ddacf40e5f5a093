// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Lab.Exporting;

/// <summary>Writes the fields of one protocol buffer message. Another one inside it is written to a buffer of its own first.</summary>
internal sealed class ProtoBuffer
{
    private byte[] _bytes = new byte[256];
    private int _length;

    /// <summary>What has been written.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    /// <summary>Begins anew.</summary>
    public void Clear() => _length = 0;

    /// <summary>Writes a number, of any of the types that are varints.</summary>
    /// <param name="field">The field.</param>
    /// <param name="value">The number; a negative one as its two's complement.</param>
    public void Number(int field, ulong value)
    {
        Varint((ulong)field << 3);
        Varint(value);
    }

    /// <summary>Writes a text.</summary>
    /// <param name="field">The field.</param>
    /// <param name="value">The text.</param>
    public void Text(int field, string value)
    {
        int bytes = Encoding.UTF8.GetByteCount(value);
        Varint(((ulong)field << 3) | 2);
        Varint((ulong)bytes);
        Reserve(bytes);
        _length += Encoding.UTF8.GetBytes(value, _bytes.AsSpan(_length));
    }

    /// <summary>Writes a message.</summary>
    /// <param name="field">The field.</param>
    /// <param name="value">The message.</param>
    public void Message(int field, ProtoBuffer value)
    {
        Varint(((ulong)field << 3) | 2);
        Varint((ulong)value._length);
        Reserve(value._length);
        value.Written.CopyTo(_bytes.AsSpan(_length));
        _length += value._length;
    }

    /// <summary>Writes a varint.</summary>
    /// <param name="value">Its value.</param>
    private void Varint(ulong value)
    {
        Reserve(10);
        for (; value >= 0x80; value >>= 7)
            _bytes[_length++] = (byte)(value | 0x80);
        _bytes[_length++] = (byte)value;
    }

    /// <summary>Makes room.</summary>
    /// <param name="bytes">For how many more.</param>
    private void Reserve(int bytes)
    {
        if (_bytes.Length - _length < bytes)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes));
    }
}
