// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Linux;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h that open, close and describe shared memory. Every export of the library looks like these: borrow, do, turn into a status.</summary>
/// <remarks>
/// Nothing is thrown into C. Structs and buffers that callers pass are read and written here by pointer, so they must not lie in shared memory.
/// </remarks>
internal static unsafe class Exports
{
    private const uint Version = 1;

    /// <summary>uint32_t gpusvm_abi_version(void).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_abi_version")]
    public static uint AbiVersion() => Version;

    /// <summary>uint64_t gpusvm_last_error(char* buffer, uint64_t size).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_last_error")]
    public static ulong LastErrorText(byte* buffer, ulong size)
    {
        try
        {
            return LastError.Copy(LastError.Sentence, buffer, size);
        }
        catch (OutOfMemoryException)
        {
            return 0;
        }
    }

    /// <summary>int32_t gpusvm_open(const gpusvm_options* options, gpusvm_memory* memory).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_open")]
    public static int Open(OptionsStruct* options, ulong* memory)
    {
        try
        {
            if (memory == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_open: memory is NULL; pass the address of a gpusvm_memory.");
            *memory = 0;
            if (ForkMark.IsInChild) // Which also sets the mark, at the first look.
                return LastError.Set(SvmStatus.ProcessGone);
            *memory = Handles.Memories.Add(Session.Open(SessionOptions.From(options)));
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_close(gpusvm_memory memory).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_close")]
    public static int Close(ulong memory)
    {
        try
        {
            if (Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
            {
                using (lease)
                {
                    if (lease.Value.IsCallbackThread)
                        return LastError.Set(SvmStatus.Busy, "gpusvm_close: a callback cannot close its own memory, which waits for the callback; close it elsewhere.");
                }
            }

            // Who waits for a launch comes back when it has ended; only then can nobody use the session any more.
            if (!Handles.Memories.RemoveAndDrain(memory, out Session? session, static session => session.Drain()))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            session.Dispose();
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>uint64_t gpusvm_memory_reason(gpusvm_memory memory, char* buffer, uint64_t size).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_memory_reason")]
    public static ulong MemoryReason(ulong memory, byte* buffer, ulong size)
    {
        try
        {
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Copy("", buffer, size);
            using (lease)
                return LastError.Copy(lease.Value.KindReason, buffer, size);
        }
        catch (Exception exception)
        {
            LastError.Set(exception);
            return 0;
        }
    }

    /// <summary>int32_t gpusvm_read_statistics(gpusvm_memory memory, gpusvm_statistics* statistics).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_read_statistics")]
    public static int ReadStatistics(ulong memory, StatisticsStruct* statistics)
    {
        try
        {
            if (statistics == null || statistics->StructBytes is not StatisticsStruct.FirstBytes && statistics->StructBytes != sizeof(StatisticsStruct))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_read_statistics: pass a gpusvm_statistics with struct_bytes set to its size.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
            {
                StatisticsStruct all = lease.Value.ReadStatistics();
                all.StructBytes = statistics->StructBytes; // An older caller gets the fields that it knows.
                Buffer.MemoryCopy(&all, statistics, all.StructBytes, all.StructBytes);
            }

            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_read_device(gpusvm_memory memory, uint32_t device, gpusvm_device_info* info).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_read_device")]
    public static int ReadDevice(ulong memory, uint device, DeviceInfoStruct* info)
    {
        try
        {
            if (info == null || info->StructBytes != sizeof(DeviceInfoStruct))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_read_device: pass a gpusvm_device_info with struct_bytes set to its size.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *info = lease.Value.DeviceAt(device).Describe();
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_set_log(gpusvm_log log, uint32_t level, void* arguments).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_set_log")]
    public static int SetLog(nint log, uint level, nint arguments)
    {
        try
        {
            if (level > (uint)LogLevel.Debug)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_set_log: level {level} does not exist: 0 is none, 1 error, 2 warning, 3 info, 4 debug.");
            Log.Set(log, (LogLevel)level, arguments);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_check(gpusvm_memory memory).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_check")]
    public static int Check(ulong memory)
    {
        try
        {
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
            {
                IReadOnlyList<string> broken = lease.Value.Check();
                return broken.Count == 0
                    ? (int)SvmStatus.Done
                    : LastError.Set(SvmStatus.KernelFailed, $"{broken.Count} invariants are broken: {string.Join("; ", broken)}");
            }
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>uint64_t gpusvm_probe(char* buffer, uint64_t size).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_probe")]
    public static ulong Probe(byte* buffer, ulong size)
    {
        try
        {
            return LastError.Copy(ProbeReport.Json(), buffer, size);
        }
        catch (Exception exception)
        {
            LastError.Set(exception);
            return LastError.Copy("[]", buffer, size);
        }
    }
}
