// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>
/// An eviction policy that keeps a part of what is used again and again, where the whole of it does not fit: instead of the candidate that was not used for longest, one that has come
/// lately leaves. Given facts, never locks.
/// </summary>
/// <remarks>What comes is an arrival until about an eighth of the device's memory, more of a small one, has come after it; then it is a candidate like the others. Called as <see cref="IEvictionPolicy.IsVictim"/>.</remarks>
public interface IReuseEvictionPolicy : IEvictionPolicy
{
    /// <summary>Whether what was not used for longest is given up. Asked in two places: when room is needed, about the interval at which evicted memory has come back lately (if not, an arrival
    /// leaves); and when something comes that has been evicted, about its own interval (if so, it is no arrival, and so takes the place of the other).</summary>
    /// <param name="facts">What is known.</param>
    /// <returns>True to give it up.</returns>
    bool GivesWay(in ReuseFacts facts);
}
