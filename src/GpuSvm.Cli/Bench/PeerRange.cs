// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Bench;

/// <summary>What a range is at the least, for the sorted dictionary that ours is compared with.</summary>
/// <param name="start">Its first address.</param>
/// <param name="end">The address after its last.</param>
internal sealed class PeerRange(ulong start, ulong end)
{
    /// <summary>Its first address.</summary>
    public ulong Start { get; } = start;

    /// <summary>The address after its last.</summary>
    public ulong End { get; } = end;

    /// <summary>How many hold it.</summary>
    public int References { get; set; } = 1;
}
