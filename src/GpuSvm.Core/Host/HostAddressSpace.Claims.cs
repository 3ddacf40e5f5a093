// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>Claims on pages, and how they end.</summary>
public sealed partial class HostAddressSpace
{
    /// <summary>Claims host pages for a migration to a device.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>As <see cref="PageStates.ClaimHost"/>.</returns>
    internal SvmStatus ClaimHostPages(AddressRange interval) => _states.ClaimHost(interval);

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

    /// <summary>Ends claims with the pages on the device and wakes who waits.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="pagemap">The pagemap.</param>
    /// <param name="first">The first page's frame.</param>
    /// <param name="collected">Which pages were claimed.</param>
    /// <returns>How many arrived.</returns>
    internal int SettleOnDevice(AddressRange interval, int pagemap, DeviceFrame first, bool[] collected)
    {
        int arrived = _states.SettleOnDevice(interval, pagemap, first, collected, out bool waiters);
        WakeIf(waiters, interval);
        return arrived;
    }

    /// <summary>Makes holes of the pages that were dropped while claimed.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="collected">Which pages were claimed.</param>
    /// <param name="staging">The block about to be attached.</param>
    internal void MaskDropped(AddressRange interval, bool[] collected, HostStaging staging) => _states.MaskDropped(interval, collected, staging);

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
                _owners[source[page].Pagemap].ReleaseFrames(source[page].Frame, 1);
        }
    }
}
