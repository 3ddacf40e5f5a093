// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu.Mirror;

namespace GpuSvm.Lab.Conformance;

/// <summary>Staging blocks of simulated memory, whose pointers are numbers that it alone knows.</summary>
/// <param name="memory">The memory.</param>
internal sealed class SimulatedStagingAccess(SimulatedHostMemory memory) : IStagingAccess
{
    /// <inheritdoc/>
    public void Read(DmaPointer from, Span<byte> destination) => memory.DmaRead(from, destination);

    /// <inheritdoc/>
    public void Write(DmaPointer to, ReadOnlySpan<byte> source) => memory.DmaWrite(to, source);
}
