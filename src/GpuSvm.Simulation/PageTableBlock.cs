// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation;

/// <summary>The 512 entries for one aligned 2 MiB of addresses. Kernel: a page table page, or the huge entry in its place.</summary>
/// <param name="number">Its number: that of its first page divided by 512.</param>
internal sealed class PageTableBlock(ulong number)
{
    /// <summary>Its number.</summary>
    public ulong Number { get; } = number;

    /// <summary>The entries, one a base page.</summary>
    public PageEntry[] Entries { get; } = new PageEntry[PageSize.PagesPerHuge];

    /// <summary>
    /// Whether all entries together are one huge page: all present with equal flags, on one aligned block of frames. Every change of less than the whole
    /// clears it; that is the split.
    /// </summary>
    public bool IsHuge { get; set; }
}
