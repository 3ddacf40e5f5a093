// SPDX-License-Identifier: MIT
namespace GpuSvm.Stress.Interop;

/// <summary>C: struct iovec.</summary>
internal struct IoVec
{
    /// <summary>iov_base.</summary>
    public nint Base;

    /// <summary>iov_len.</summary>
    public nuint Length;
}
