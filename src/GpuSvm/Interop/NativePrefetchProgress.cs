// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Interop;

/// <summary>gpusvm_prefetch_progress.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativePrefetchProgress
{
    /// <summary>sizeof.</summary>
    public uint StructBytes;

    /// <summary>What became of it; busy while it runs.</summary>
    public int Status;

    /// <summary>All that was asked for.</summary>
    public ulong RequestedBytes;

    /// <summary>Tried so far.</summary>
    public ulong TriedBytes;

    /// <summary>There before.</summary>
    public ulong AlreadyThereBytes;

    /// <summary>There now.</summary>
    public ulong MovedBytes;

    /// <summary>Not there.</summary>
    public ulong FailedBytes;

    /// <summary>The numbers, for a program.</summary>
    /// <returns>The result.</returns>
    public readonly PrefetchResult ToResult() => new((long)RequestedBytes, (long)TriedBytes, (long)AlreadyThereBytes, (long)MovedBytes, (long)FailedBytes);
}
