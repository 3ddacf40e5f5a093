// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Policies;

/// <summary>
/// Follows faults that come at one distance, forwards or backwards: from the third on it brings the next steps, twice as many with each hit, up to the end of the block of 2 MiB.
/// What lies between the steps comes too. Steps of more than 256 KiB are not followed.
/// </summary>
/// <remarks>Remembers the last fault of 64 blocks. Faults of several threads may mix up what it remembers of a block: the advice is worse then, not wrong.</remarks>
public sealed class StridePrefetch : IPrefetchPolicy
{
    private const int Places = 64;
    private const int LargestStep = 64; // Pages.
    private const int HitsToFollow = 2;

    private readonly long[] _seen = new long[Places]; // Block, page, step, hits in one word, so that no reader sees half of an entry.

    /// <inheritdoc/>
    public PageRegion Choose(in PrefetchFacts facts)
    {
        PageRegion faulting = PageRegion.Around(facts.Page, PageOrder.Medium.Value, facts.Pages);
        long block = facts.Block & 0x7FFF_FFFF;
        ref long place = ref _seen[facts.Block % Places];
        long known = Volatile.Read(ref place); // Pairs with the write below; any recent value will do.
        bool isKnown = known >> 32 == block && (known & 0xF) != 0;
        int step = isKnown ? facts.Page - (int)(known >> 14 & 0x1FF) : 0;
        int hits = step != 0 && step == (int)(known >> 4 & 0x3FF) - 512 ? (int)Math.Min((known & 0xF) + 1, 15) : 1;
        bool isFollowed = hits >= HitsToFollow && Math.Abs(step) <= LargestStep;
        int reach = isFollowed ? Math.Abs(step) << (hits - HitsToFollow + 1) : 0;
        int last = facts.Page;
        if (isFollowed) // The next fault will come behind what is brought now: as if the last step of that were touched, so that the distance stays the same.
            last += (Math.Clamp(facts.Page + (step < 0 ? -reach : reach), 0, facts.Pages - 1) - facts.Page) / step * step;
        Volatile.Write(ref place, (block << 32) | ((long)last << 14) | ((long)(step + 512) << 4) | (long)hits);
        if (!isFollowed)
            return faulting;
        int first = Math.Max(step < 0 ? facts.Page - reach : faulting.First, 0);
        int end = Math.Min(step < 0 ? faulting.End : Math.Max(faulting.End, facts.Page + reach + 1), facts.Pages);
        return new PageRegion(first, end - first);
    }
}
