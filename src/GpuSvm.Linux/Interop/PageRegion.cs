// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct page_region, a run of pages of equal state.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PageRegion
{
    /// <summary>First byte.</summary>
    internal ulong Start;

    /// <summary>First byte after.</summary>
    internal ulong End;

    /// <summary>PAGE_IS_*.</summary>
    internal ulong Categories;
}
