// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What a native kernel gets: gpusvm_kernel_context in gpusvm.h, field by field. It lives as long as the group runs.</summary>
public readonly unsafe struct KernelContextData
{
#pragma warning disable CA1051, CS0169 // The layout is the C ABI's: fields, in its order.
    /// <summary>The functions that reach shared memory; the same table for every group.</summary>
    public readonly KernelFunctions* Functions;

    /// <summary>Which group runs, 0 to <see cref="GroupCount"/> - 1.</summary>
    public readonly ulong GroupIndex;

    /// <summary>How many groups the launch has.</summary>
    public readonly ulong GroupCount;

    /// <summary>The first failure of this group, a <see cref="StatusCode"/>.</summary>
    public readonly int Status;

    /// <summary>The compute unit that runs the group, from 0.</summary>
    public readonly uint Unit;

    private readonly void* _internal; // the library's
#pragma warning restore CA1051, CS0169
}
