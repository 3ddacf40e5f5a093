// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Interop;

/// <summary>gpusvm_launch_options.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeLaunchOptions
{
    /// <summary>sizeof.</summary>
    public uint StructBytes;

    /// <summary>How many launches to wait for.</summary>
    public uint WaitCount;

    /// <summary>Their handles.</summary>
    public ulong* Waits;

    /// <summary>What memory is used.</summary>
    public NativeUsage* Usages;

    /// <summary>How many pieces.</summary>
    public ulong UsageCount;

    /// <summary>Not used here.</summary>
    public nint Callback;

    /// <summary>Not used here.</summary>
    public nint CallbackArguments;
}
