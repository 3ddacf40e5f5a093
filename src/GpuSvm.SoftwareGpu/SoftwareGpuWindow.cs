// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.SoftwareGpu;

/// <summary>One window into shared memory: gpusvm_window of gpusvm.h, field for field.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct SoftwareGpuWindow
{
    /// <summary>In: the first byte wanted.</summary>
    public ulong Address;

    /// <summary>In: bytes wanted, at least 1. Out: bytes that one translation covers, at most that.</summary>
    public ulong Bytes;

    /// <summary>In: a <see cref="Core.Device.MemoryAccess"/>.</summary>
    public uint Access;

    /// <summary>0.</summary>
    public uint Reserved;

    /// <summary>Out: the byte at <see cref="Address"/>.</summary>
    public void* Pointer;
}
