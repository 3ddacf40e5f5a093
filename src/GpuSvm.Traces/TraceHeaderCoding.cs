// SPDX-License-Identifier: MIT
using System.Numerics;

namespace GpuSvm.Traces;

/// <summary>The header as the payload of the first block.</summary>
internal static class TraceHeaderCoding
{
    /// <summary>The smallest page there is.</summary>
    public const int LeastPageBytes = 512;

    private const int MostPageBytes = 1 << 30;
    private const int MostDevices = 1024;
    private const int MostProperties = 4096;

    /// <summary>Whether a page can have so many bytes.</summary>
    /// <param name="bytes">How many.</param>
    /// <returns>True for a power of two from 512 to 1 GiB.</returns>
    public static bool IsPage(int bytes) => bytes >= LeastPageBytes && bytes <= MostPageBytes && BitOperations.IsPow2(bytes);

    /// <summary>Writes a header.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="header">The header.</param>
    public static void Write(TraceEncoder to, TraceHeader header)
    {
        to.Varint((ulong)header.PageBytes);
        to.Text(header.Source);
        to.Text(header.CostModel);
        to.Varint((ulong)header.HostMemoryBytes);
        to.Varint((ulong)header.DeviceMemoryBytes.Count);
        foreach (long bytes in header.DeviceMemoryBytes)
            to.Varint((ulong)bytes);
        to.Varint((ulong)header.Properties.Count);
        foreach ((string name, string value) in header.Properties.OrderBy(property => property.Key, StringComparer.Ordinal))
        {
            to.Text(name);
            to.Text(value);
        }
    }

    /// <summary>Reads a header. What a later version has added behind it is left alone.</summary>
    /// <param name="payload">The block's payload.</param>
    /// <returns>The header; null if it is none.</returns>
    public static TraceHeader? Read(ReadOnlySpan<byte> payload)
    {
        var from = new TraceDecoder(payload);
        int page = (int)from.Within(LeastPageBytes, MostPageBytes);
        string source = from.Text(), costModel = from.Text();
        long hostBytes = from.Within(0, long.MaxValue);
        var devices = new long[from.Within(0, MostDevices)];
        for (int device = 0; device < devices.Length; device++)
            devices[device] = from.Within(0, long.MaxValue);
        var properties = new Dictionary<string, string>(StringComparer.Ordinal);
        for (long left = from.Within(0, MostProperties); left > 0 && from.IsGood; left--)
            properties[from.Text()] = from.Text();
        if (!from.IsGood || !IsPage(page))
            return null;
        return new TraceHeader
        {
            Source = source,
            PageBytes = page,
            CostModel = costModel,
            HostMemoryBytes = hostBytes,
            DeviceMemoryBytes = devices,
            Properties = properties,
        };
    }
}
