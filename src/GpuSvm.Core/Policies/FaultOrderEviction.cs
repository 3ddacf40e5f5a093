// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Evicts what was faulted on or moved least recently, whatever the GPU has done since without a fault: the order that NVIDIA's UVM and TTM go by.</summary>
public sealed class FaultOrderEviction : IEvictionPolicy
{
    /// <inheritdoc/>
    public bool OrdersByUse => true;

    /// <inheritdoc/>
    public bool IsVictim(in EvictionFacts facts) => true;
}
