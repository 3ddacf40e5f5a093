// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Evicts what came first.</summary>
public sealed class FifoEviction : IEvictionPolicy
{
    /// <inheritdoc/>
    public bool OrdersByUse => false;

    /// <inheritdoc/>
    public bool IsVictim(in EvictionFacts facts) => true;
}
