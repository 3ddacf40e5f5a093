// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Decides how much of a block moves when one of its pages faults and is to be moved. Given facts, never locks.</summary>
public interface IPrefetchPolicy
{
    /// <summary>Chooses the pages to bring.</summary>
    /// <param name="facts">What is known.</param>
    /// <returns>A region of the block, usually around the faulting page, which has come already; pages in it that are there already stay.</returns>
    /// <remarks>Called on the fault path: must not allocate, wait or throw.</remarks>
    PageRegion Choose(in PrefetchFacts facts);
}
