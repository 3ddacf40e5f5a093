// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;

namespace GpuSvm.Interop;

/// <summary>gpusvm_trace_options, field by field.</summary>
internal struct NativeTraceOptions
{
    /// <summary>Its size.</summary>
    public uint StructBytes;

    /// <summary>Of the accesses without a fault every so many-th; 0 for first uses only.</summary>
    public uint AccessesEvery;

    /// <summary>Records that can wait; 0 for the default.</summary>
    public uint BufferRecords;

    /// <summary>0.</summary>
    public uint Reserved;

    /// <summary>Takes options over.</summary>
    /// <param name="options">Checked.</param>
    /// <returns>The struct.</returns>
    public static NativeTraceOptions From(RunTraceOptions options) => new()
    {
        StructBytes = (uint)Unsafe.SizeOf<NativeTraceOptions>(),
        AccessesEvery = (uint)options.AccessesEvery,
        BufferRecords = (uint)options.BufferRecords,
    };
}
