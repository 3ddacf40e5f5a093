// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Decides what leaves a full device. Given facts, never locks.</summary>
/// <remarks>Called with the list of allocations locked, by several threads at once in different pagemaps: must not allocate, wait or throw.</remarks>
public interface IEvictionPolicy
{
    /// <summary>Whether a GPU fault on an allocation makes it the last candidate; otherwise candidates come in the order of their arrival.</summary>
    bool OrdersByUse { get; }

    /// <summary>Whether an allocation is the victim. The first candidate is offered first; one that is spared becomes the last candidate, and the next is offered.</summary>
    /// <param name="facts">What is known.</param>
    /// <returns>True to evict it. After many have been spared in a row the next one is evicted without being offered.</returns>
    bool IsVictim(in EvictionFacts facts);
}
