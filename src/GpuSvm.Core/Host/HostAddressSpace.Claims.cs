// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <content>What a migration asks of the page states, and gives back.</content>
public sealed partial class HostAddressSpace
{
    /// <summary>Whether an interval has a page on a device or in a hold, other than those given.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="besides">The pages not to look at, by index.</param>
    /// <returns>True if it has.</returns>
    internal bool HasPageElsewhere(AddressRange interval, bool[] besides)
    {
        for (int page = 0; page < (int)interval.Pages; page++)
        {
            if (!besides[page] && _states.Get(interval.Start + ((long)page << PageSize.Shift)) is { IsMigrating: false, IsHost: false })
                return true;
        }

        return false;
    }

    /// <summary>Gives what a page has left back: its device frame, or its place in a hold.</summary>
    /// <param name="entry">The page's entry before.</param>
    internal void ReleasePlace(PageEntry entry)
    {
        if (entry.IsDevice)
            _owners[entry.Pagemap].ReleaseFrames(entry.Frame, 1);
        else if (entry.IsExclusive)
            ReleaseHold(entry.Hold, 1);
    }

    /// <summary>Ends claims and wakes who waits.</summary>
    /// <param name="interval">The interval that was claimed.</param>
    /// <param name="claimer">Who claimed it.</param>
    /// <param name="settling">Which of its pages end now.</param>
    /// <param name="outcome">What each becomes.</param>
    /// <param name="dropped">Set for each settled page.</param>
    internal void Settle(AddressRange interval, int claimer, ReadOnlySpan<bool> settling, ReadOnlySpan<PageEntry> outcome, Span<bool> dropped) =>
        WakeFor(_states.Settle(interval, claimer, settling, outcome, dropped), interval);
}
