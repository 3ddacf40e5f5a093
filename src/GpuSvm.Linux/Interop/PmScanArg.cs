// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct pm_scan_arg, what PAGEMAP_SCAN shall look for.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PmScanArg
{
    /// <summary>Sizeof this.</summary>
    internal ulong Size;

    /// <summary>0: look only.</summary>
    internal ulong Flags;

    /// <summary>First byte.</summary>
    internal ulong Start;

    /// <summary>First byte after.</summary>
    internal ulong End;

    /// <summary>Out: where the walk stopped.</summary>
    internal ulong WalkEnd;

    /// <summary>Address of the PageRegion array.</summary>
    internal ulong Vector;

    /// <summary>Its elements.</summary>
    internal ulong VectorLength;

    /// <summary>0: no bound.</summary>
    internal ulong MaxPages;

    /// <summary>Categories taken as their opposite.</summary>
    internal ulong CategoryInverted;

    /// <summary>Categories a page must have.</summary>
    internal ulong CategoryMask;

    /// <summary>Categories of which it must have one.</summary>
    internal ulong CategoryAnyOfMask;

    /// <summary>Categories to report.</summary>
    internal ulong ReturnMask;
}
