// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_launch_options: what a launch in a queue waits for, uses and calls.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LaunchOptionsStruct
{
    /// <summary>sizeof, set by the caller.</summary>
    public uint StructBytes;

    /// <summary>How many launches it waits for.</summary>
    public uint WaitCount;

    /// <summary>Their handles.</summary>
    public ulong* Waits;

    /// <summary>What memory it uses.</summary>
    public UsageStruct* Usages;

    /// <summary>How many pieces.</summary>
    public ulong UsageCount;

    /// <summary>A gpusvm_callback; null for none.</summary>
    public nint Callback;

    /// <summary>Its last argument.</summary>
    public nint CallbackArguments;
}
