// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What an eviction policy is told about the 2 MiB of addresses out of which a victim has been evicted.</summary>
/// <param name="victim">The pages that have left, counted from the block's first.</param>
/// <param name="pages">The block's pages, 1 to 512.</param>
/// <param name="resident">Bit i: page i is still on the device. At least as many bits as pages.</param>
public readonly ref struct EvictionBlockFacts(PageRegion victim, int pages, ReadOnlySpan<ulong> resident)
{
    /// <summary>The pages that have left.</summary>
    public PageRegion Victim { get; } = victim;

    /// <summary>The block's pages, 1 to 512.</summary>
    public int Pages { get; } = pages;

    /// <summary>Bit i: page i is still on the device.</summary>
    public ReadOnlySpan<ulong> Resident { get; } = resident;
}
