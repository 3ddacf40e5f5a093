// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct uffdio_move, pages to move.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UffdioMove
{
    /// <summary>First byte.</summary>
    internal ulong Destination;

    /// <summary>First byte.</summary>
    internal ulong Source;

    /// <summary>Bytes.</summary>
    internal ulong Length;

    /// <summary>UFFDIO_MOVE_MODE_*.</summary>
    internal ulong Mode;

    /// <summary>Out: bytes done, or minus the error number.</summary>
    internal long Moved;
}
