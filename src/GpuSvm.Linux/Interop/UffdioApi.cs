// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct uffdio_api, the handshake.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UffdioApi
{
    /// <summary>In: UFFD_API.</summary>
    internal ulong Api;

    /// <summary>In: wanted; out: what the kernel has.</summary>
    internal ulong Features;

    /// <summary>Out: bit set of known requests.</summary>
    internal ulong Ioctls;
}
