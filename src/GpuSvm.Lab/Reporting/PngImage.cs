// SPDX-License-Identifier: MIT
using System.Buffers.Binary;
using System.IO.Compression;

namespace GpuSvm.Lab.Reporting;

/// <summary>A small picture with transparency, to be written into a page.</summary>
/// <param name="width">Columns, at least 1.</param>
/// <param name="height">Rows, at least 1.</param>
internal sealed class PngImage(int width, int height)
{
    private const int Channels = 4;

    private static readonly byte[] _signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
    private static readonly uint[] _crcTable = [.. Enumerable.Range(0, 256).Select(value => Enumerable.Range(0, 8).Aggregate((uint)value, (crc, _) => (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1))];

    private readonly byte[] _pixels = new byte[width * height * Channels];

    /// <summary>Columns.</summary>
    public int Width { get; } = width;

    /// <summary>Rows.</summary>
    public int Height { get; } = height;

    /// <summary>Paints a pixel over what is there.</summary>
    /// <param name="column">Its column.</param>
    /// <param name="row">Its row.</param>
    /// <param name="color">Red, green, blue.</param>
    /// <param name="opacity">0 for nothing, 1 for all.</param>
    public void Paint(int column, int row, (byte Red, byte Green, byte Blue) color, double opacity)
    {
        Span<byte> pixel = _pixels.AsSpan(((row * Width) + column) * Channels, Channels);
        double below = pixel[3] / 255.0 * (1 - opacity);
        double all = opacity + below;
        if (all <= 0)
            return;
        pixel[0] = (byte)(((color.Red * opacity) + (pixel[0] * below)) / all);
        pixel[1] = (byte)(((color.Green * opacity) + (pixel[1] * below)) / all);
        pixel[2] = (byte)(((color.Blue * opacity) + (pixel[2] * below)) / all);
        pixel[3] = (byte)Math.Round(all * 255);
    }

    /// <summary>The picture as an address that a page can hold.</summary>
    public string ToDataAddress()
    {
        using var file = new MemoryStream();
        file.Write(_signature);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, Width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], Height);
        header[8] = 8; // Bits of a channel.
        header[9] = 6; // Colours with transparency.
        Chunk(file, "IHDR"u8, header);
        using var packed = new MemoryStream();
        using (var deflate = new ZLibStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            for (int row = 0; row < Height; row++)
            {
                deflate.WriteByte(0); // No filter.
                deflate.Write(_pixels, row * Width * Channels, Width * Channels);
            }
        }

        Chunk(file, "IDAT"u8, packed.ToArray());
        Chunk(file, "IEND"u8, []);
        return "data:image/png;base64," + Convert.ToBase64String(file.ToArray());
    }

    /// <summary>Writes a chunk.</summary>
    /// <param name="file">Where to.</param>
    /// <param name="kind">Four letters.</param>
    /// <param name="content">What is in it.</param>
    private static void Chunk(MemoryStream file, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> content)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
        file.Write(number);
        file.Write(kind);
        file.Write(content);
        uint crc = uint.MaxValue;
        foreach (byte one in (byte[])[.. kind, .. content])
            crc = _crcTable[(byte)(crc ^ one)] ^ (crc >> 8);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~crc);
        file.Write(number);
    }
}
