// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>
/// A block of host pages that no program thread can see: pages go into it when they are detached and come out of it when they are attached.
/// DMA engines read and write it through <see cref="Pointer"/>. Base class: each host memory keeps what it needs beside it.
/// </summary>
/// <remarks>Owned by one migration at a time, between <see cref="IHostMemory.AcquireStaging"/> and <see cref="IHostMemory.ReleaseStaging"/>.</remarks>
public abstract class HostStaging
{
    private readonly ulong[] _present = new ulong[PageSize.PagesPerHuge / 64];

    /// <summary>The block's order, at most 9.</summary>
    public PageOrder Order { get; protected set; }

    /// <summary>The block's first byte for DMA. For a portable memory it is the program's own page: nothing is copied twice.</summary>
    public DmaPointer Pointer { get; protected set; }

    /// <summary>Whether a page of the last <see cref="IHostMemory.Detach"/> came in; a hole otherwise, which reads as zeroes.</summary>
    /// <param name="page">The page's index in the block.</param>
    /// <returns>True if the page holds bytes of the program.</returns>
    public bool IsPresent(int page) => (_present[page >> 6] >> (page & 63) & 1) != 0;

    /// <summary>Marks a run of pages as holding bytes of the program, or as holes.</summary>
    /// <param name="first">The first page's index.</param>
    /// <param name="pages">How many.</param>
    /// <param name="present">Which of the two.</param>
    public void SetPresent(int first, int pages, bool present)
    {
        for (int page = first; page < first + pages; page++)
        {
            ulong bit = 1UL << (page & 63);
            _present[page >> 6] = present ? _present[page >> 6] | bit : _present[page >> 6] & ~bit;
        }
    }

    /// <summary>The length of the run of equal presence from a page on.</summary>
    /// <param name="first">The run's first page.</param>
    /// <param name="limit">Where to stop at the latest.</param>
    /// <returns>Pages, at least 1 if first &lt; limit.</returns>
    public int RunLength(int first, int limit)
    {
        bool present = IsPresent(first);
        int page = first + 1;
        while (page < limit && IsPresent(page) == present)
            page++;
        return page - first;
    }
}
