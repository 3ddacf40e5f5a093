// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_prefetch_progress: how far a prefetch in the background is.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PrefetchProgressStruct
{
    /// <summary>sizeof, set by the caller.</summary>
    public uint StructBytes;

    /// <summary>What became of it; busy while it runs.</summary>
    public int Status;

    /// <summary>All bytes asked for, in whole pages.</summary>
    public ulong RequestedBytes;

    /// <summary>Of these, bytes that were tried.</summary>
    public ulong TriedBytes;

    /// <summary>Of these, bytes that were there before.</summary>
    public ulong AlreadyThereBytes;

    /// <summary>Bytes that are there now.</summary>
    public ulong MovedBytes;

    /// <summary>Bytes that were tried and are not.</summary>
    public ulong FailedBytes;
}
