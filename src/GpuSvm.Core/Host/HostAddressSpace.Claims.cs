// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>Claims on pages, and how they end.</summary>
public sealed partial class HostAddressSpace
{
    /// <summary>Claims pages for a migration to a device.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="selection">Which pages.</param>
    /// <param name="collected">Set for each page.</param>
    /// <param name="source">Entries before the claim.</param>
    /// <param name="hostPages">How many the host answers for.</param>
    /// <returns>How many were claimed.</returns>
    internal int ClaimForDevice(AddressRange interval, in MigrationSelection selection, bool[] collected, PageEntry[] source, out int hostPages) =>
        _states.ClaimForDevice(interval, selection, collected, source, out hostPages);

    /// <summary>Whether an interval has a page on a device, other than those given.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="besides">The pages not to look at, by index.</param>
    /// <returns>True if it has.</returns>
    internal bool HasDevicePage(AddressRange interval, bool[] besides)
    {
        for (int page = 0; page < (int)interval.Pages; page++)
        {
            if (!besides[page] && _states.Get(interval.Start + ((long)page << PageSize.Shift)) is { IsDevice: true, IsMigrating: false })
                return true;
        }

        return false;
    }

    /// <summary>Gives a frame that a page has left back to its owner.</summary>
    /// <param name="entry">The page's entry before.</param>
    internal void ReleaseFrame(PageEntry entry) => _owners[entry.Pagemap]!.ReleaseFrames(entry.Frame, 1);

    /// <summary>Claims device pages for a migration to RAM.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="pagemap">The pagemap.</param>
    /// <param name="first">The first frame.</param>
    /// <param name="frames">The number of frames.</param>
    /// <param name="collected">Set for each page.</param>
    /// <param name="source">Entries before the claim.</param>
    /// <returns>How many were claimed.</returns>
    internal int ClaimDevicePages(AddressRange interval, int pagemap, DeviceFrame first, int frames, bool[] collected, PageEntry[] source) =>
        _states.ClaimDevice(interval, pagemap, first, frames, collected, source);

    /// <summary>Ends claims of a migration to a device and wakes who waits.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="pagemap">The destinations' pagemap.</param>
    /// <param name="collected">Which pages were claimed.</param>
    /// <param name="destination">The frame of each page, -1 for none.</param>
    /// <param name="writable">Which pages' new entries let the device write.</param>
    /// <param name="arrived">Set for each page.</param>
    /// <param name="left">Set for each page that is no longer where it was.</param>
    /// <returns>How many arrived.</returns>
    internal int SettleMoved(AddressRange interval, int pagemap, bool[] collected, int[] destination, bool[] writable, bool[] arrived, bool[] left)
    {
        int count = _states.SettleMoved(interval, pagemap, collected, destination, writable, arrived, left, out bool waiters);
        WakeIf(waiters, interval);
        return count;
    }

    /// <summary>Makes holes of the pages that were dropped while claimed.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="collected">Which pages were claimed.</param>
    /// <param name="staging">The block about to be attached.</param>
    /// <param name="offset">The interval's first page in it.</param>
    internal void MaskDropped(AddressRange interval, bool[] collected, HostStaging staging, int offset) =>
        _states.MaskDropped(interval, collected, staging, offset);

    /// <summary>Ends claims with the pages in RAM and wakes who waits.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="collected">Which pages were claimed.</param>
    internal void SettleInRam(AddressRange interval, bool[] collected) => WakeIf(_states.SettleInRam(interval, collected), interval);

    /// <summary>Ends claims with the pages where they were and wakes who waits; frames of pages dropped meanwhile are released.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="collected">Which pages were claimed; on return, which of them were dropped.</param>
    /// <param name="source">Their entries before.</param>
    internal void SettleUnchanged(AddressRange interval, bool[] collected, PageEntry[] source)
    {
        WakeIf(_states.SettleUnchanged(interval, collected, collected), interval);
        for (int page = 0; page < (int)interval.Pages; page++)
        {
            if (collected[page])
                _owners[source[page].Pagemap]!.ReleaseFrames(source[page].Frame, 1);
        }
    }
}
