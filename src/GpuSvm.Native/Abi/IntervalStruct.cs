// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_interval: a piece of shared memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IntervalStruct
{
    /// <summary>Its first byte.</summary>
    public ulong Pointer;

    /// <summary>How many bytes.</summary>
    public ulong Bytes;
}
