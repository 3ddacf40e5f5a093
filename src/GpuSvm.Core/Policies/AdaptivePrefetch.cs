// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Policies;

/// <summary>
/// A window behind the fault that learns: it doubles when the next fault of the block comes right behind what was brought, and is quartered when it comes somewhere else. A walk in order
/// soon takes whole blocks of 2 MiB, also the next ones; random access soon moves nothing beside what it touches.
/// </summary>
/// <remarks>Remembers 64 blocks; what several threads mix up makes the advice worse, not wrong.</remarks>
public sealed class AdaptivePrefetch : IPrefetchPolicy
{
    private const int Places = 64;
    private const int FirstWindow = 16; // Pages.
    private const int LargestWindow = PageSize.PagesPerHuge;
    private const int Slack = 16; // A fault so many pages behind the window still hits it: ranges end on 64 KiB.

    private readonly long[] _seen = new long[Places]; // Block, end of what was brought, window in one word.
    private int _window = FirstWindow; // What blocks begin with: the window that the last blocks have ended with.

    /// <inheritdoc/>
    public PageRegion Choose(in PrefetchFacts facts)
    {
        PageRegion faulting = PageRegion.Around(facts.Page, PageOrder.Medium.Value, facts.Pages);
        ref long place = ref _seen[facts.Block % Places];
        long known = Volatile.Read(ref place); // Pairs with the write below; any recent value will do.
        int window = Volatile.Read(ref _window); // As above.
        if (known >> 32 == (facts.Block & 0x7FFF_FFFF) && known != 0)
        {
            int distance = facts.Page - (int)(known >> 10 & 0x3FF);
            window = (int)(known & 0x3FF);
            window = distance is >= 0 and < Slack ? Math.Clamp(window * 2, FirstWindow, LargestWindow) : window / 4;
        }
        else if (facts.Page >= FirstWindow)
        {
            window /= 4; // A walk in order enters a block at its start.
        }

        int end = Math.Min(faulting.End + window, facts.Pages);
        Volatile.Write(ref place, ((facts.Block & 0x7FFF_FFFF) << 32) | ((long)end << 10) | (uint)window);
        Volatile.Write(ref _window, window);
        return new PageRegion(faulting.First, end - faulting.First);
    }
}
