// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct uffdio_writeprotect, what to protect.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UffdioWriteprotect
{
    /// <summary>The interval.</summary>
    internal UffdioRange Range;

    /// <summary>UFFDIO_WRITEPROTECT_MODE_*.</summary>
    internal ulong Mode;
}
