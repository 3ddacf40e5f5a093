// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h by which a program records what happens. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class TraceExports
{
    /// <summary>int32_t gpusvm_trace_start(gpusvm_memory memory, const char* path, const gpusvm_trace_options* options).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_trace_start")]
    public static int Start(ulong memory, byte* path, TraceOptionsStruct* options)
    {
        try
        {
            if (path == null || *path == 0)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_trace_start: path names no file; give one, such as run.gsvmtrace.");
            if (options != null && options->StructBytes != sizeof(TraceOptionsStruct))
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_trace_start: struct_bytes is {options->StructBytes}, this library's gpusvm_trace_options has {sizeof(TraceOptionsStruct)}: compile against this version's gpusvm.h.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                lease.Value.StartTrace(Marshal.PtrToStringUTF8((nint)path)!, options == null ? default : *options); // SAFETY: the caller passes a string that ends, and its struct.
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_trace_read(gpusvm_memory memory, gpusvm_trace_status* status).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_trace_read")]
    public static int Read(ulong memory, TraceStatusStruct* status)
    {
        try
        {
            if (status == null || status->StructBytes != sizeof(TraceStatusStruct))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_trace_read: pass a gpusvm_trace_status with struct_bytes set to its size.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *status = lease.Value.ReadTrace();
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_trace_stop(gpusvm_memory memory, gpusvm_trace_status* status).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_trace_stop")]
    public static int Stop(ulong memory, TraceStatusStruct* status)
    {
        TraceStatusStruct last = default;
        try
        {
            if (status != null && status->StructBytes != sizeof(TraceStatusStruct))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_trace_stop: pass NULL, or a gpusvm_trace_status with struct_bytes set to its size.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                lease.Value.StopTrace(out last);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
        finally
        {
            if (status != null && last.StructBytes != 0)
                *status = last; // Also of one that could not be written to its end.
        }
    }
}
