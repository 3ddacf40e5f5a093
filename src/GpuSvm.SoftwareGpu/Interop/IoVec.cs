// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.SoftwareGpu.Interop;

/// <summary>C: struct iovec, a piece of memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoVec
{
    /// <summary>First byte.</summary>
    internal nint Base;

    /// <summary>Bytes.</summary>
    internal nuint Length;
}
