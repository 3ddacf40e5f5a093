// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Goes around in the order of arrival and evicts the first that has not been used since the last round (CLOCK, second chance).</summary>
public sealed class ClockEviction : IEvictionPolicy
{
    /// <inheritdoc/>
    public bool OrdersByUse => false;

    /// <inheritdoc/>
    public bool IsVictim(in EvictionFacts facts) => !facts.WasUsed;
}
