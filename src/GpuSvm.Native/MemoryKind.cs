// SPDX-License-Identifier: MIT
namespace GpuSvm.Native;

/// <summary>gpusvm_memory_kind.</summary>
internal enum MemoryKind
{
    /// <summary>Real where this machine allows it, else portable.</summary>
    Auto = 0,

    /// <summary>userfaultfd: pages move at any time.</summary>
    Real = 1,

    /// <summary>Plain memory: every page is home when a launch is reported done.</summary>
    Portable = 2,
}
