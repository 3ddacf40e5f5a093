// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu.Mirror;

/// <summary>How a mirror device reaches staging blocks of the host memory it works over.</summary>
public interface IStagingAccess
{
    /// <summary>Copies bytes out of a staging block.</summary>
    /// <param name="from">The first byte, inside a block that the caller holds.</param>
    /// <param name="destination">Where to; ends inside the block.</param>
    void Read(DmaPointer from, Span<byte> destination);

    /// <summary>Copies bytes into a staging block.</summary>
    /// <param name="to">The first byte, inside a block that the caller holds.</param>
    /// <param name="source">From where; ends inside the block.</param>
    void Write(DmaPointer to, ReadOnlySpan<byte> source);
}
