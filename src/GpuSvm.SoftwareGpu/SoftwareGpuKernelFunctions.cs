// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.SoftwareGpu;

/// <summary>The functions a kernel may call: gpusvm_kernel_functions of gpusvm.h, field for field. One table serves the whole process.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct SoftwareGpuKernelFunctions
{
    /// <summary>sizeof(gpusvm_kernel_functions).</summary>
    public ulong StructBytes;

    /// <summary>(context, address, destination, bytes): copies out of shared memory.</summary>
    public delegate* unmanaged<SoftwareGpuKernelContext*, ulong, void*, ulong, int> Read;

    /// <summary>(context, address, source, bytes): copies into shared memory.</summary>
    public delegate* unmanaged<SoftwareGpuKernelContext*, ulong, void*, ulong, int> Write;

    /// <summary>(context, address, indices, count, element bytes, destination): reads elements of an array.</summary>
    public delegate* unmanaged<SoftwareGpuKernelContext*, ulong, long*, ulong, uint, void*, int> Gather;

    /// <summary>(context, address, indices, count, element bytes, source): writes elements of an array.</summary>
    public delegate* unmanaged<SoftwareGpuKernelContext*, ulong, long*, ulong, uint, void*, int> Scatter;

    /// <summary>(context, address, value, bytes, old): adds to a 4- or 8-byte integer.</summary>
    public delegate* unmanaged<SoftwareGpuKernelContext*, ulong, long, uint, long*, int> AtomicAdd;

    /// <summary>(context, windows, count): opens windows that are valid together.</summary>
    public delegate* unmanaged<SoftwareGpuKernelContext*, SoftwareGpuWindow*, uint, int> Windows;

    /// <summary>(context): lets go of all windows.</summary>
    public delegate* unmanaged<SoftwareGpuKernelContext*, void> Yield;

    /// <summary>(context, message): fails the launch with a sentence.</summary>
    public delegate* unmanaged<SoftwareGpuKernelContext*, byte*, void> Fail;

    /// <summary>(context, address, operation, value, comparand, bytes, old): changes a 4- or 8-byte integer.</summary>
    public delegate* unmanaged<SoftwareGpuKernelContext*, ulong, uint, long, long, uint, long*, int> Atomic;
}
