// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Decides how much a CPU touch brings home. Given facts, never locks.</summary>
public interface IReturnPolicy
{
    /// <summary>Whether the whole allocation comes home with the touched page; if not, the page comes alone.</summary>
    /// <param name="facts">What is known.</param>
    /// <returns>True for the whole.</returns>
    /// <remarks>Called by threads that serve CPU faults: must not allocate, wait or throw.</remarks>
    bool BringsWholeAllocation(in ReturnFacts facts);
}
