// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct uffdio_range, an interval.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UffdioRange
{
    /// <summary>First byte, page aligned.</summary>
    internal ulong Start;

    /// <summary>Bytes, page aligned.</summary>
    internal ulong Length;
}
