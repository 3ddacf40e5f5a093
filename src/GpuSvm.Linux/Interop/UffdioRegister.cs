// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct uffdio_register, what to report of an interval.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UffdioRegister
{
    /// <summary>The interval.</summary>
    internal UffdioRange Range;

    /// <summary>UFFDIO_REGISTER_MODE_*.</summary>
    internal ulong Mode;

    /// <summary>Out: bit set of requests that work there.</summary>
    internal ulong Ioctls;
}
