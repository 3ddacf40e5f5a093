// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu.Mirror;

/// <summary>Staging blocks of a memory whose DMA pointers are pointers: real memory. A block is private memory that never faults to us.</summary>
public sealed unsafe class PointerStagingAccess : IStagingAccess
{
    /// <inheritdoc/>
    public void Read(DmaPointer from, Span<byte> destination) => new ReadOnlySpan<byte>((void*)from.Value, destination.Length).CopyTo(destination); // SAFETY: the caller holds the block.

    /// <inheritdoc/>
    public void Write(DmaPointer to, ReadOnlySpan<byte> source) => source.CopyTo(new Span<byte>((void*)to.Value, source.Length)); // SAFETY: as in Read.
}
