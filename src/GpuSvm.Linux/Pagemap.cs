// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// /proc/self/pagemap: what the page table says of our own pages, run by run, by PAGEMAP_SCAN. A scan costs about a microsecond, whether the
/// interval is one
/// page or a huge page; it changes nothing.
/// </summary>
internal sealed unsafe class Pagemap : IDisposable
{
    /// <summary>Categories of which a page that is there has at least one. A page in swap is there: moving and reading it bring it back.</summary>
    private const ulong There = PagemapConstants.PAGE_IS_PRESENT | PagemapConstants.PAGE_IS_SWAPPED;

    private int _descriptor;

    /// <summary>Opens the file.</summary>
    /// <exception cref="HostMemoryUnavailableException">It cannot be opened, or the kernel is older than 6.7.</exception>
    internal Pagemap()
    {
        _descriptor = Libc.open("/proc/self/pagemap", LinuxConstants.O_RDONLY | LinuxConstants.O_CLOEXEC);
        if (_descriptor < 0)
            throw new HostMemoryUnavailableException("/proc/self/pagemap cannot be opened: mount /proc (mount -t proc proc /proc).");
        PageRegion region;
        ulong probe = (ulong)&region & ~0xffful;
        if (Scan(probe, probe + 4096, &region, 1, out _) < 0)
        {
            Dispose();
            throw new HostMemoryUnavailableException("this kernel cannot tell page states (PAGEMAP_SCAN): install Linux 6.8 or later.");
        }
    }

    /// <summary>Lists the runs of pages that are there; what lies between them is absent.</summary>
    /// <param name="start">First byte, page aligned.</param>
    /// <param name="end">First byte after, page aligned.</param>
    /// <param name="regions">Room for the answer, in order of addresses. SAFETY: the caller's own memory, not shared memory.</param>
    /// <param name="capacity">How many fit.</param>
    /// <param name="walkedTo">Where the walk stopped: <paramref name="end"/>, or earlier when the room was full; go on from there.</param>
    /// <returns>The runs found, or minus an error number.</returns>
    internal int Scan(ulong start, ulong end, PageRegion* regions, int capacity, out ulong walkedTo)
    {
        // SAFETY: the structure lives on this stack frame; the kernel writes at most capacity regions.
        var argument = new PmScanArg
        {
            Size = (ulong)sizeof(PmScanArg),
            Start = start,
            End = end,
            Vector = (ulong)regions,
            VectorLength = (ulong)capacity,
            CategoryAnyOfMask = There,
            ReturnMask = There | PagemapConstants.PAGE_IS_WRITTEN | PagemapConstants.PAGE_IS_PFNZERO | PagemapConstants.PAGE_IS_HUGE,
        };
        int found = Libc.ioctl(_descriptor, PagemapConstants.PAGEMAP_SCAN, &argument);
        walkedTo = argument.WalkEnd;
        return found >= 0 ? found : -Marshal.GetLastPInvokeError();
    }

    /// <summary>Whether a 2 MiB block is one huge entry.</summary>
    /// <param name="start">Its first byte, 2 MiB aligned.</param>
    /// <returns>True if all its pages are there as one huge page.</returns>
    internal bool IsHuge(ulong start)
    {
        PageRegion region;
        const ulong Bytes = Core.Addressing.PageSize.HugeBytes;
        return Scan(start, start + Bytes, &region, 1, out _) == 1 && region.Start == start && region.End == start + Bytes
            && (region.Categories & PagemapConstants.PAGE_IS_HUGE) != 0;
    }

    /// <summary>Whether a guard stands in an interval (MADV_GUARD_INSTALL): no page can be put there.</summary>
    /// <param name="start">First byte, page aligned.</param>
    /// <param name="end">First byte after, page aligned.</param>
    /// <returns>True if one does; false also where this kernel does not tell (before 6.15).</returns>
    internal bool HasGuard(ulong start, ulong end)
    {
        PageRegion region;

        // SAFETY: as in Scan.
        var argument = new PmScanArg
        {
            Size = (ulong)sizeof(PmScanArg),
            Start = start,
            End = end,
            Vector = (ulong)(&region),
            VectorLength = 1,
            CategoryAnyOfMask = PagemapConstants.PAGE_IS_GUARD,
            ReturnMask = PagemapConstants.PAGE_IS_GUARD,
        };
        return Libc.ioctl(_descriptor, PagemapConstants.PAGEMAP_SCAN, &argument) > 0;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1); // Pairs with itself: closed once.
        if (descriptor >= 0)
            _ = Libc.close(descriptor);
    }
}
