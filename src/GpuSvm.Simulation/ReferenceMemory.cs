// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation;

/// <summary>
/// The obvious model of shared memory: one byte an address, whoever writes it, wherever pages are. Whatever the CPU and the GPU read of the real thing must
/// be what is read here.
/// </summary>
/// <remarks>Not thread-safe: a test that runs threads gives each its own bytes and applies what they did afterwards.</remarks>
public sealed class ReferenceMemory
{
    // Present pages only hold what was written; a mapped page that is not here reads as zeroes.
    private readonly Dictionary<ulong, byte[]> _written = [];
    private readonly HashSet<ulong> _mapped = [];

    /// <summary>Maps an interval; it reads as zeroes, whatever was there.</summary>
    /// <param name="interval">A page-aligned interval.</param>
    public void Map(AddressRange interval)
    {
        for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
        {
            _mapped.Add(page);
            _written.Remove(page);
        }
    }

    /// <summary>Unmaps an interval: its bytes cannot be accessed any more.</summary>
    /// <param name="interval">A page-aligned interval.</param>
    public void Unmap(AddressRange interval)
    {
        for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
        {
            _mapped.Remove(page);
            _written.Remove(page);
        }
    }

    /// <summary>Gives contents up: the interval reads as zeroes.</summary>
    /// <param name="interval">A page-aligned interval.</param>
    public void Zero(AddressRange interval)
    {
        for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
            _written.Remove(page);
    }

    /// <summary>Whether all of some bytes are mapped.</summary>
    /// <param name="interval">The bytes.</param>
    /// <returns>True if every one is.</returns>
    public bool IsMapped(AddressRange interval)
    {
        for (VirtualAddress at = interval.Start.AlignDown(PageOrder.Small); at < interval.End; at += PageSize.Bytes)
        {
            if (!_mapped.Contains(at.PageNumber))
                return false;
        }

        return true;
    }

    /// <summary>Writes bytes.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">Some are not mapped; nothing was written.</exception>
    public void Write(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        CheckMapped(address, source.Length);
        while (!source.IsEmpty)
        {
            if (!_written.TryGetValue(address.PageNumber, out byte[]? page))
                _written[address.PageNumber] = page = new byte[PageSize.Bytes];
            Span<byte> rest = page.AsSpan((int)(address.Value % PageSize.Bytes));
            int bytes = Math.Min(rest.Length, source.Length);
            source[..bytes].CopyTo(rest);
            source = source[bytes..];
            address += bytes;
        }
    }

    /// <summary>Reads bytes.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where to.</param>
    /// <exception cref="ArgumentOutOfRangeException">Some are not mapped.</exception>
    public void Read(VirtualAddress address, Span<byte> destination)
    {
        CheckMapped(address, destination.Length);
        while (!destination.IsEmpty)
        {
            int offset = (int)(address.Value % PageSize.Bytes), bytes = Math.Min(PageSize.Bytes - offset, destination.Length);
            if (_written.TryGetValue(address.PageNumber, out byte[]? page))
                page.AsSpan(offset, bytes).CopyTo(destination);
            else
                destination[..bytes].Clear();
            destination = destination[bytes..];
            address += bytes;
        }
    }

    /// <summary>Compares bytes read elsewhere with the model's.</summary>
    /// <param name="address">The first byte, mapped like all that follow.</param>
    /// <param name="actual">The bytes read there.</param>
    /// <returns>The first address that differs, or null.</returns>
    public VirtualAddress? FirstDifference(VirtualAddress address, ReadOnlySpan<byte> actual)
    {
        byte[] expected = new byte[actual.Length];
        Read(address, expected);
        int equal = actual.CommonPrefixLength(expected);
        return equal == actual.Length ? null : address + equal;
    }

    /// <summary>Makes sure that a test does not ask the model for what is not there.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="bytes">How many.</param>
    private void CheckMapped(VirtualAddress address, int bytes)
    {
        if (!IsMapped(AddressRange.OfBytes(address, bytes)))
            throw new ArgumentOutOfRangeException(nameof(address), $"The model has no mapping for all of [{address}, {address + bytes}).");
    }
}
