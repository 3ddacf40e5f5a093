// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct uffdio_zeropage, where to install the page of zeroes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UffdioZeropage
{
    /// <summary>The interval.</summary>
    internal UffdioRange Range;

    /// <summary>0.</summary>
    internal ulong Mode;

    /// <summary>Out: bytes done, or minus the error number.</summary>
    internal long Zeroed;
}
