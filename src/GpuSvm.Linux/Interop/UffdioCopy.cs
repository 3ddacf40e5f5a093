// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct uffdio_copy, pages to install as copies.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UffdioCopy
{
    /// <summary>First byte.</summary>
    internal ulong Destination;

    /// <summary>First byte.</summary>
    internal ulong Source;

    /// <summary>Bytes.</summary>
    internal ulong Length;

    /// <summary>UFFDIO_COPY_MODE_*.</summary>
    internal ulong Mode;

    /// <summary>Out: bytes done, or minus the error number.</summary>
    internal long Copied;
}
