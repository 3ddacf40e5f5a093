// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>Which host memory stands behind a <see cref="SharedMemory"/>. Values are the C ABI's.</summary>
public enum MemoryKind
{
    /// <summary>Real memory where this machine allows it, else portable memory. Only in options; an open memory is one of the other two.</summary>
    Auto = 0,

    /// <summary>The process's own pages through userfaultfd: they move at any time, and both sides may touch them at any time.</summary>
    Real = 1,

    /// <summary>
    /// Plain memory on any system. The CPU must not touch shared arrays between <see cref="SharedMemory.Launch(KernelBody, nint)"/> and the end of
    /// <see cref="GpuSvm.Launch.Wait()"/>; every page is home when that returns.
    /// </summary>
    Portable = 2,
}
