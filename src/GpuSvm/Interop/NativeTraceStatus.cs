// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;

namespace GpuSvm.Interop;

/// <summary>gpusvm_trace_status, field by field.</summary>
internal struct NativeTraceStatus
{
    /// <summary>Its size.</summary>
    public uint StructBytes;

    /// <summary>1 while it goes on.</summary>
    public uint IsRunning;

    /// <summary>Records written.</summary>
    public ulong Records;

    /// <summary>Bytes of the file.</summary>
    public ulong Bytes;

    /// <summary>Records that are missing.</summary>
    public ulong Lost;

    /// <summary>An empty one, its size filled in.</summary>
    /// <returns>The struct.</returns>
    public static NativeTraceStatus Empty() => new() { StructBytes = (uint)Unsafe.SizeOf<NativeTraceStatus>() };

    /// <summary>The status for programs.</summary>
    /// <returns>The status.</returns>
    public readonly RunTraceStatus ToStatus() => new(IsRunning != 0, (long)Records, (long)Bytes, (long)Lost);
}
