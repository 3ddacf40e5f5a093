// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Conformance;

/// <summary>Copies through DMA pointers, in place of a copy engine.</summary>
public static unsafe class DmaBytes
{
    /// <summary>Copies bytes out.</summary>
    /// <param name="source">Staging bytes, or present pages of a memory that never faults.</param>
    /// <param name="destination">Where to; its length decides.</param>
    public static void Read(DmaPointer source, Span<byte> destination)
    {
        // SAFETY: the caller owns the staging block or keeps the pages present, for at least the length of the destination.
        new ReadOnlySpan<byte>((void*)source.Value, destination.Length).CopyTo(destination);
    }

    /// <summary>Copies bytes in.</summary>
    /// <param name="destination">As the source of <see cref="Read"/>.</param>
    /// <param name="source">The bytes.</param>
    public static void Write(DmaPointer destination, ReadOnlySpan<byte> source)
    {
        // SAFETY: as in Read, for the length of the source.
        source.CopyTo(new Span<byte>((void*)destination.Value, source.Length));
    }
}
