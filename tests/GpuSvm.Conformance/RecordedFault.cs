// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Conformance;

/// <summary>A CPU fault that a <see cref="RecordingClient"/> was told of.</summary>
/// <param name="Address">The address touched; some memories round it down to the page.</param>
/// <param name="Access">What the thread wanted.</param>
public readonly record struct RecordedFault(VirtualAddress Address, MemoryAccess Access)
{
    /// <summary>The page touched.</summary>
    public VirtualAddress Page => Address.AlignDown(PageOrder.Small);
}
