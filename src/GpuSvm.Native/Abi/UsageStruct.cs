// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_usage: a piece of shared memory that a launch uses.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UsageStruct
{
    /// <summary>Its first byte.</summary>
    public ulong Pointer;

    /// <summary>How many bytes.</summary>
    public ulong Bytes;

    /// <summary>0 read, 1 write, 2 atomic: the strongest.</summary>
    public uint Access;

    /// <summary>0.</summary>
    public uint Reserved;
}
