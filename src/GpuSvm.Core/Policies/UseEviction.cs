// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>
/// Evicts what the GPU has not used for the longest time: what it has used since it was last looked at is spared once more. Where what was evicted keeps coming back, as in a loop
/// over more than fits, for which that order is the worst, it keeps what is used as often, and lets arrivals leave.
/// </summary>
/// <remarks>Faults tell of first uses only, since what is bound is not faulted on again; later uses are known from the device's use marks. Without those this is the order of faults.</remarks>
public sealed class UseEviction : IReuseEvictionPolicy
{
    /// <inheritdoc/>
    public bool OrdersByUse => true;

    /// <inheritdoc/>
    public bool IsVictim(in EvictionFacts facts) => !facts.WasUsed;

    /// <inheritdoc/>
    /// <remarks>Half as long again as the interval, for neither is known exactly: a use is seen when the candidate is looked at.</remarks>
    public bool GivesWay(in ReuseFacts facts) => facts.Interval == 0 || facts.Age * 2 > facts.Interval * 3;
}
