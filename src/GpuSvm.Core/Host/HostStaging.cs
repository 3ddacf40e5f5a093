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

    /// <summary>The interval it was acquired for: page i of the block belongs at page i of it, unless the page has been moved since.</summary>
    public AddressRange Interval { get; protected set; }

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
        int end = first + pages;
        for (int page = first; page < end;)
        {
            int bits = Math.Min(end - page, 64 - (page & 63)); // As many as lie in one word.
            ulong mask = (bits == 64 ? ulong.MaxValue : (1UL << bits) - 1) << (page & 63);
            ref ulong word = ref _present[page >> 6];
            word = present ? word | mask : word & ~mask;
            page += bits;
        }
    }

    /// <summary>The length of the run of equal presence from a page on.</summary>
    /// <param name="first">The run's first page.</param>
    /// <param name="limit">Where to stop at the latest.</param>
    /// <returns>Pages, at least 1 if first &lt; limit.</returns>
    public int RunLength(int first, int limit)
    {
        ulong flip = IsPresent(first) ? ulong.MaxValue : 0; // A word of equal pages becomes zero.
        int page = first;
        while (page < limit)
        {
            ulong different = (_present[page >> 6] ^ flip) >> (page & 63);
            if (different != 0)
            {
                page += System.Numerics.BitOperations.TrailingZeroCount(different);
                break;
            }

            page = (page | 63) + 1;
        }

        return Math.Min(page, limit) - first;
    }
}
