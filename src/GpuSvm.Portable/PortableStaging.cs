// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Portable;

/// <summary>A staging block that is no block: it points at the program's own pages, so that DMA copies them once.</summary>
internal sealed class PortableStaging : HostStaging
{
    /// <summary>Prepares it for a migration.</summary>
    /// <param name="interval">A power of two of pages, at most 2 MiB.</param>
    /// <param name="present">Whether all pages start as present.</param>
    public void Reset(AddressRange interval, bool present)
    {
        Interval = interval;
        Order = PageOrder.FloorOf(interval.Pages);
        Pointer = new DmaPointer((nint)interval.Start.Value);
        SetPresent(0, PageSize.PagesPerHuge, present: false);
        SetPresent(0, (int)interval.Pages, present);
    }

    /// <summary>Makes it useless to whoever still holds it.</summary>
    public void Clear()
    {
        Interval = default;
        Pointer = default;
    }
}
