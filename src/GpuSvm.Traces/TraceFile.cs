// SPDX-License-Identifier: MIT
using System.Buffers.Binary;
using System.Numerics;

namespace GpuSvm.Traces;

/// <summary>The shape of a trace file, shared by <see cref="TraceWriter"/> and <see cref="TraceReader"/>. docs/trace-format.md describes it for others.</summary>
/// <remarks>
/// <para><b>Blocks.</b> Behind eight bytes of signature and four of version a file is a row of blocks: a head of fixed size with a checksum, and a payload. The first block is the
/// header, the last one says that the trace is complete. A file that was cut off lacks that one, and everything in the blocks before the cut is there.</para>
/// <para><b>Records.</b> Nothing in a block refers to another block: addresses and times are deltas that begin anew. An access is one byte of flags and one varint for the distance
/// to one of the last eight accesses, whichever is nearest, so that several arrays read in step cost two or three bytes an access. Every other record carries its length, so that a
/// reader passes over kinds that it does not know.</para>
/// <para><b>Versions.</b> The major number changes when old readers would misunderstand; the minor one when fields or kinds are added, which old readers skip.</para>
/// </remarks>
internal static class TraceFile
{
    /// <summary>The first bytes of every trace. The first is no text, the others say what it is and show whether line ends were changed on the way.</summary>
    public static ReadOnlySpan<byte> Signature => [0x91, (byte)'G', (byte)'S', (byte)'V', (byte)'M', 0x0D, 0x0A, 0x0A];

    /// <summary>What readers must understand.</summary>
    public const ushort Major = 1;

    /// <summary>What readers may ignore.</summary>
    public const ushort Minor = 1;

    /// <summary>Bytes before the first block: signature, major, minor.</summary>
    public const int PreambleBytes = 12;

    /// <summary>Bytes of a block's head.</summary>
    public const int BlockHeadBytes = 28;

    /// <summary>The first four bytes of a block: "GBLK".</summary>
    public const uint BlockMark = 0x4B4C4247;

    /// <summary>The largest payload.</summary>
    public const int MaxPayloadBytes = 1 << 20;

    /// <summary>How many earlier accesses a distance may start from; a power of two.</summary>
    public const int History = 8;

    /// <summary>The access has the size and the agent of the one before.</summary>
    public const byte SameShape = 0x20;

    /// <summary>The access has the time of the record before.</summary>
    public const byte SameTime = 0x40;

    /// <summary>Writes a block's head.</summary>
    /// <param name="head">Where to, <see cref="BlockHeadBytes"/>.</param>
    /// <param name="kind">What is in it.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="records">Records in it.</param>
    /// <param name="before">Records in all blocks before it.</param>
    public static void WriteHead(Span<byte> head, TraceBlockKind kind, ReadOnlySpan<byte> payload, int records, long before)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(head, BlockMark);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], (uint)kind);
        BinaryPrimitives.WriteInt32LittleEndian(head[8..], payload.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head[12..], records);
        BinaryPrimitives.WriteInt64LittleEndian(head[16..], before);
        BinaryPrimitives.WriteUInt32LittleEndian(head[24..], Checksum(head[4..24], payload));
    }

    /// <summary>The checksum of a block: CRC-32C of the head without mark and checksum, then of the payload.</summary>
    /// <param name="head">That part of the head.</param>
    /// <param name="payload">The payload.</param>
    /// <returns>The checksum.</returns>
    public static uint Checksum(ReadOnlySpan<byte> head, ReadOnlySpan<byte> payload) => ~Continue(Continue(uint.MaxValue, head), payload);

    /// <summary>Goes on with a checksum.</summary>
    /// <param name="sum">The sum so far.</param>
    /// <param name="bytes">What comes next.</param>
    /// <returns>The sum.</returns>
    private static uint Continue(uint sum, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            sum = BitOperations.Crc32C(sum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte value in bytes)
            sum = BitOperations.Crc32C(sum, value);
        return sum;
    }
}
