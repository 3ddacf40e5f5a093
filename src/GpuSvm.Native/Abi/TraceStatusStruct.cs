// SPDX-License-Identifier: MIT
namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_trace_status, field by field.</summary>
internal struct TraceStatusStruct
{
    /// <summary>sizeof(gpusvm_trace_status), as the caller was compiled.</summary>
    public uint StructBytes;

    /// <summary>1 while it goes on.</summary>
    public uint IsRunning;

    /// <summary>Records written.</summary>
    public ulong Records;

    /// <summary>Bytes of the file.</summary>
    public ulong Bytes;

    /// <summary>Records that are missing because the buffer was full.</summary>
    public ulong Lost;
}
