// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.SoftwareGpu;

/// <summary>What a kernel sees of the group it runs: gpusvm_kernel_context of gpusvm.h, field for field.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct SoftwareGpuKernelContext
{
    /// <summary>The functions a kernel may call.</summary>
    public SoftwareGpuKernelFunctions* Functions;

    /// <summary>Which group this is, 0 to <see cref="GroupCount"/>-1.</summary>
    public ulong GroupIndex;

    /// <summary>The launch's groups.</summary>
    public ulong GroupCount;

    /// <summary>The first failure of this group as an <see cref="Core.SvmStatus"/>; 0 if none.</summary>
    public int Status;

    /// <summary>The compute unit that runs the group.</summary>
    public uint Unit;

    /// <summary>The library's own.</summary>
    public void* Internal;
}
