// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What a kernel wanted to do at an address. Values are the C ABI's.</summary>
public enum KernelAccess
{
    /// <summary>Read only.</summary>
    Read = 0,

    /// <summary>Write, or read and write.</summary>
    Write = 1,

    /// <summary>Read and write in one step.</summary>
    Atomic = 2,
}
