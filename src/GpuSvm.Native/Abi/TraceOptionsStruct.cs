// SPDX-License-Identifier: MIT
namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_trace_options, field by field.</summary>
internal readonly struct TraceOptionsStruct
{
#pragma warning disable CS0649 // The caller fills it, in C.
    /// <summary>sizeof(gpusvm_trace_options), as the caller was compiled.</summary>
    public readonly uint StructBytes;

    /// <summary>Of the devices' accesses without a fault every so many-th of each unit is recorded; 0 for first uses only.</summary>
    public readonly uint AccessesEvery;

    /// <summary>Records that can wait for the writer; 0 for the default.</summary>
    public readonly uint BufferRecords;

    /// <summary>0.</summary>
    public readonly uint Reserved;
#pragma warning restore CS0649
}
