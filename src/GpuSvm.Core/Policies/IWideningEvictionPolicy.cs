// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>An eviction policy that lets neighbours leave along with a victim. Given facts, never locks.</summary>
public interface IWideningEvictionPolicy : IEvictionPolicy
{
    /// <summary>What leaves along with a victim, of the block of addresses in which its first page lay.</summary>
    /// <param name="facts">What is known.</param>
    /// <returns>A region of the block; the victim alone if nothing else is to leave.</returns>
    /// <remarks>Called after an eviction, with nothing locked: must not allocate, wait or throw.</remarks>
    PageRegion Widen(in EvictionBlockFacts facts);
}
