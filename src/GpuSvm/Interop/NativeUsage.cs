// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Interop;

/// <summary>gpusvm_usage.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeUsage
{
    /// <summary>The first byte.</summary>
    public nint Pointer;

    /// <summary>How many bytes.</summary>
    public ulong Bytes;

    /// <summary>A <see cref="KernelAccess"/>.</summary>
    public uint Access;

    /// <summary>0.</summary>
    public uint Reserved;

    /// <summary>Translates what a program says.</summary>
    /// <param name="use">What it says.</param>
    /// <returns>The struct.</returns>
    public static NativeUsage From(ArrayUse use) => new() { Pointer = use.Address, Bytes = (ulong)use.Bytes, Access = (uint)use.Access };
}
