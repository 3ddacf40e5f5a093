// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux.Interop;

/// <summary>Request numbers and page categories of /proc/self/pagemap and /proc/self/maps, under their C names (linux/fs.h).</summary>
internal static class PagemapConstants
{
    /// <summary>Tells the state of pages, interval by interval (6.7).</summary>
    internal const uint PAGEMAP_SCAN = 0xC0606610;

    /// <summary>Tells the mapping of an address (6.11).</summary>
    internal const uint PROCMAP_QUERY = 0xC0686611;

    /// <summary>In a query: the first mapping that ends above the address, rather than the one that holds it.</summary>
    internal const ulong PROCMAP_QUERY_COVERING_OR_NEXT_VMA = 0x10;

    /// <summary>Not write-protected by userfaultfd.</summary>
    internal const ulong PAGE_IS_WRITTEN = 1 << 1;

    /// <summary>In memory.</summary>
    internal const ulong PAGE_IS_PRESENT = 1 << 3;

    /// <summary>In swap, or a marker stands there.</summary>
    internal const ulong PAGE_IS_SWAPPED = 1 << 4;

    /// <summary>The shared page of zeroes.</summary>
    internal const ulong PAGE_IS_PFNZERO = 1 << 5;

    /// <summary>Part of a huge entry.</summary>
    internal const ulong PAGE_IS_HUGE = 1 << 6;

    /// <summary>A guard marker (MADV_GUARD_INSTALL): a touch is a SIGSEGV. Told by 6.15 and later.</summary>
    internal const ulong PAGE_IS_GUARD = 1 << 8;
}
