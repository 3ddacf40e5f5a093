// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h that evict, take pages for a device alone, and tell where pages are. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class PlacementExports
{
    private const ulong MaxQuery = 1UL << 40;

    /// <summary>int32_t gpusvm_evict(gpusvm_memory memory, uint32_t device, const void* pointer, uint64_t bytes, uint64_t* moved).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_evict")]
    public static int Evict(ulong memory, uint device, ulong pointer, ulong bytes, ulong* moved)
    {
        try
        {
            if (moved != null)
                *moved = 0;
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
            {
                int number = device == uint.MaxValue ? -1 : lease.Value.DeviceAt(device).Number;
                AddressRange? interval = pointer == 0 && bytes == 0 ? null : lease.Value.Heap.Interval(new(pointer), bytes);
                SvmStatus status = lease.Value.Evict(number, interval, out long bytesMoved);
                if (moved != null)
                    *moved = (ulong)bytesMoved;
                return LastError.Set(status, $"Not everything could be brought to RAM, {bytesMoved} bytes were: {status.Describe()}. The rest stays where it is.");
            }
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_make_exclusive(gpusvm_memory memory, uint32_t device, const void* pointer, uint64_t bytes, uint64_t* exclusive).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_make_exclusive")]
    public static int MakeExclusive(ulong memory, uint device, ulong pointer, ulong bytes, ulong* exclusive)
    {
        try
        {
            if (exclusive != null)
                *exclusive = 0;
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
            {
                SessionDevice owner = lease.Value.DeviceAt(device);
                SvmStatus status = lease.Value.MakeExclusive(owner, lease.Value.Heap.Interval(new(pointer), bytes), out long taken);
                if (exclusive != null)
                    *exclusive = (ulong)taken;
                return LastError.Set(status, status == SvmStatus.NotSupported
                    ? "Portable memory has no way to give such pages back to the CPU: atomics of kernels hold against other kernels there; open real memory for more."
                    : $"Not every page could be taken from the CPU, {taken} bytes are the device's alone: {status.Describe()}.");
            }
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_query(gpusvm_memory memory, uint32_t device, const void* pointer, uint64_t bytes, gpusvm_page_run* runs, uint32_t run_bytes, uint64_t capacity, uint64_t* count).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_query")]
    public static int Query(ulong memory, uint device, ulong pointer, ulong bytes, PageRunStruct* runs, uint runBytes, ulong capacity, ulong* count)
    {
        try
        {
            if (count == null || (runs == null && capacity > 0))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_query: runs and count must not be NULL.");
            *count = 0;
            if (runBytes != sizeof(PageRunStruct))
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_query: run_bytes is {runBytes}, this library's gpusvm_page_run has {sizeof(PageRunStruct)}: compile against this version's gpusvm.h.");
            if (bytes is 0 or > MaxQuery || pointer >= DeviceWindows.First || bytes > DeviceWindows.First - pointer)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_query: {bytes} bytes from 0x{pointer:X} on are not possible: ask for 1 to {MaxQuery} bytes of a program's addresses.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
            {
                AddressRange interval = AddressRange.OfBytes(new VirtualAddress(pointer), (long)bytes).AlignOutward();
                List<PageRun> found = lease.Value.Query(lease.Value.DeviceAt(device), interval);
                for (int i = 0; i < found.Count && (ulong)i < capacity; i++)
                    runs[i] = PageRunStruct.Of(found[i]); // SAFETY: the caller says that the buffer has room for capacity runs.
                *count = (ulong)found.Count;
            }

            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }
}
