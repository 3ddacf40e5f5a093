// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>Pages in a row of which a device sees the same.</summary>
/// <param name="Interval">The pages.</param>
/// <param name="Place">Where they are.</param>
/// <param name="Device">The number in the VM of the device that has them; -1 if none of it has.</param>
/// <param name="IsWritable">Whether a device may write them where they are, without the program being asked.</param>
/// <param name="Order">How large a piece is mapped as one; 0 also where nothing is.</param>
public readonly record struct PageRun(AddressRange Interval, PagePlace Place, int Device, bool IsWritable, PageOrder Order) : IPageRun<PageRun>
{
    /// <summary>Whether there is a page.</summary>
    public bool IsPresent => Place is PagePlace.Zero or PagePlace.Ram or PagePlace.Device or PagePlace.Exclusive;

    /// <inheritdoc/>
    PageRun IPageRun<PageRun>.Over(AddressRange interval) => this with { Interval = interval };
}
