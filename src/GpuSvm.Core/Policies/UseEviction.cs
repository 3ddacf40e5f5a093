// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Evicts what the GPU has not used for the longest time: what it has used since it was last looked at is spared once more.</summary>
/// <remarks>Faults tell of first uses only, since what is bound is not faulted on again; later uses are known from the device's use marks. Without those this is the order of faults.</remarks>
public sealed class UseEviction : IEvictionPolicy
{
    /// <inheritdoc/>
    public bool OrdersByUse => true;

    /// <inheritdoc/>
    public bool IsVictim(in EvictionFacts facts) => !facts.WasUsed;
}
