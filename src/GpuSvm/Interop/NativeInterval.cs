// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Interop;

/// <summary>gpusvm_interval.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeInterval
{
    /// <summary>The first byte.</summary>
    public nint Pointer;

    /// <summary>How many bytes.</summary>
    public ulong Bytes;
}
