// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Lab.Replay;

/// <summary>What a replay knows of 2 MiB of addresses, page by page.</summary>
/// <param name="devices">How many devices the machine has.</param>
internal sealed class ReplayBlock(int devices)
{
    /// <summary>Page i of the block as CPU threads and the statistics see it.</summary>
    public PageMark[] Pages { get; } = new PageMark[PageSize.PagesPerHuge];

    /// <summary>What device d may do with page i, without asking its page table: at 512 d + i. A copy of translations, emptied by whatever changes them.</summary>
    public TranslationMark[] Translations { get; } = new TranslationMark[devices * PageSize.PagesPerHuge];
}
