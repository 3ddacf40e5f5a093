// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h that work with open shared memory: allocation, launches, prefetch. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class WorkExports
{
    /// <summary>int32_t gpusvm_alloc(gpusvm_memory memory, uint64_t bytes, void** pointer).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_alloc")]
    public static int Alloc(ulong memory, ulong bytes, void** pointer)
    {
        try
        {
            if (pointer == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_alloc: pointer is NULL; pass the address of a pointer.");
            *pointer = null;
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *pointer = (void*)lease.Value.Heap.Allocate(bytes).Value;
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_alloc_aligned(gpusvm_memory memory, uint64_t bytes, uint64_t alignment, void** pointer).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_alloc_aligned")]
    public static int AllocAligned(ulong memory, ulong bytes, ulong alignment, void** pointer)
    {
        try
        {
            if (pointer == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_alloc_aligned: pointer is NULL; pass the address of a pointer.");
            *pointer = null;
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *pointer = (void*)lease.Value.Heap.Allocate(bytes, alignment).Value;
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_free(gpusvm_memory memory, void* pointer).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_free")]
    public static int Free(ulong memory, void* pointer)
    {
        try
        {
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                lease.Value.Heap.Free(new((ulong)pointer));
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_launch_start(gpusvm_memory memory, gpusvm_kernel kernel, void* arguments, uint64_t group_count, gpusvm_launch* launch).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_launch_start")]
    public static int LaunchStart(ulong memory, void* kernel, void* arguments, ulong groupCount, ulong* launch)
    {
        try
        {
            if (kernel == null || launch == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_launch_start: kernel and launch must not be NULL.");
            *launch = 0;
            if (groupCount is 0 or > long.MaxValue)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_launch_start: {groupCount} groups are not possible; at least 1 is needed.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *launch = lease.Value.Start((nint)kernel, (nint)arguments, groupCount);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_launch_wait(gpusvm_launch launch, uint32_t timeout_ms, gpusvm_launch_result* result): done once it has ended, however it did.</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_launch_wait")]
    public static int LaunchWait(ulong launch, uint timeoutMs, LaunchResultStruct* result)
    {
        try
        {
            if (result == null || result->StructBytes != sizeof(LaunchResultStruct))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_launch_wait: pass a gpusvm_launch_result with struct_bytes set to its size.");
            if (!Handles.Launches.TryBorrow(launch, out HandleTable<SessionLaunch>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoLaunch);
            using (lease)
            {
                if (!lease.Value.Wait(timeoutMs))
                    return LastError.Set(SvmStatus.TimedOut, $"The launch still ran after {timeoutMs} ms.");
                lease.Value.Describe(result);
                lease.Value.Owner.Forget(launch);
            }
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_prefetch(gpusvm_memory memory, const void* pointer, uint64_t bytes, uint32_t location, uint64_t* moved).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_prefetch")]
    public static int Prefetch(ulong memory, void* pointer, ulong bytes, uint location, ulong* moved)
    {
        try
        {
            if (moved != null)
                *moved = 0;
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
            {
                long bytesMoved = lease.Value.Prefetch(lease.Value.Heap.Interval(new((ulong)pointer), bytes), location);
                if (moved != null)
                    *moved = (ulong)bytesMoved;
            }
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }
}
