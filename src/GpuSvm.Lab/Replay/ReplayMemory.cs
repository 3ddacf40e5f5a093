// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Lab.Replay;

/// <summary>A device's memory in a replay: the software GPU's allocator, with use marks that the replay sets, one for each page.</summary>
/// <param name="inner">The software GPU's.</param>
/// <param name="blocks">What the replay knows of pages.</param>
/// <param name="device">The device's number.</param>
/// <param name="markPages">For how many pages a use mark stands, a power of two.</param>
internal sealed class ReplayMemory(SoftwareGpuMemory inner, ReplayBlocks blocks, int device, int markPages) : IDeviceMemory
{
    private readonly ulong[] _usedBy = new ulong[inner.Pages]; // Of a frame: the page that was accessed there, and 1; 0 for no use.

    /// <inheritdoc/>
    public int Pages => inner.Pages;

    /// <inheritdoc/>
    public int FreePages => inner.FreePages;

    /// <inheritdoc/>
    public SvmStatus Allocate(PageOrder order, out DeviceFrame first) => inner.Allocate(order, out first);

    /// <inheritdoc/>
    public void Free(DeviceFrame first, PageOrder order) => inner.Free(first, order);

    /// <inheritdoc/>
    public void FreePart(DeviceFrame first, int pages) => inner.FreePart(first, pages);

    /// <inheritdoc/>
    public bool TakeUse(DeviceFrame first, int pages)
    {
        bool used = false;
        int end = Math.Min((first.Number + pages + markPages - 1) & -markPages, _usedBy.Length);
        for (int frame = first.Number & -markPages; frame < end; frame++)
        {
            ulong by = _usedBy[frame];
            if (by == 0)
                continue;
            used = true;
            _usedBy[frame] = 0;
            ulong page = by - 1;
            if (blocks.Find(page >> PageOrder.Huge.Value) is { } block)
                block.Translations[(device * PageSize.PagesPerHuge) + ReplayBlocks.IndexOf(page)] &= ~TranslationMark.Used;
        }

        return used;
    }

    /// <summary>Notes that a page was accessed.</summary>
    /// <param name="frame">Where it lies.</param>
    /// <param name="page">Its number in the address space.</param>
    public void Use(DeviceFrame frame, ulong page) => _usedBy[frame.Number] = page + 1;
}
