// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>Which device pages a migration to RAM collects. The frames of an interval need not follow each other, nor belong to one device.</summary>
/// <param name="Pagemap">The pagemap they lie in; -1 for any.</param>
/// <param name="First">The first frame.</param>
/// <param name="Frames">How many frames in a row.</param>
/// <param name="Owner">The owner group they belong to; 0 for any.</param>
/// <param name="MayNarrow">Whether a part of the interval will do where no staging block for all of it can be had: the migration's interval tells which part, and the caller
/// comes again for what lies behind it.</param>
public readonly record struct FrameSelection(int Pagemap = -1, DeviceFrame First = default, int Frames = int.MaxValue, int Owner = 0, bool MayNarrow = false)
{
    /// <summary>Whether a device page lies in a selected frame. Owner groups are the caller's to compare.</summary>
    /// <param name="entry">The page's entry.</param>
    /// <returns>True if it does.</returns>
    internal bool Contains(PageEntry entry) =>
        (Pagemap < 0 || entry.Pagemap == Pagemap) && entry.Frame.Number >= First.Number && entry.Frame.Number - First.Number < Frames;
}
