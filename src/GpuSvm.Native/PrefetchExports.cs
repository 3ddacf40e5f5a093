// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h that prefetch in the background. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class PrefetchExports
{
    private const int MaxIntervals = 1_000_000;

    /// <summary>int32_t gpusvm_prefetch_start(gpusvm_memory memory, const gpusvm_interval* intervals, uint64_t count, uint32_t location, gpusvm_prefetch_operation* operation).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_prefetch_start")]
    public static int Start(ulong memory, IntervalStruct* intervals, ulong count, uint location, ulong* operation)
    {
        try
        {
            if (operation == null || (intervals == null && count > 0))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_prefetch_start: intervals and operation must not be NULL.");
            *operation = 0;
            if (count > MaxIntervals)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_prefetch_start: {count} intervals are too many: start one operation for each {MaxIntervals}.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
            {
                var parts = new AddressRange[count];
                for (int i = 0; i < parts.Length; i++)
                    parts[i] = lease.Value.Heap.Interval(new(intervals[i].Pointer), intervals[i].Bytes); // SAFETY: the caller says that count intervals are there.
                *operation = lease.Value.StartPrefetch(parts, location);
            }

            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_prefetch_wait(gpusvm_prefetch_operation operation, uint32_t timeout_ms, gpusvm_prefetch_progress* progress): done once it has ended, however it did.</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_prefetch_wait")]
    public static int Wait(ulong operation, uint timeoutMs, PrefetchProgressStruct* progress)
    {
        try
        {
            if (progress == null || progress->StructBytes != sizeof(PrefetchProgressStruct))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_prefetch_wait: pass a gpusvm_prefetch_progress with struct_bytes set to its size.");
            if (!Handles.Prefetches.TryBorrow(operation, out HandleTable<SessionPrefetch>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoPrefetch);
            using (lease)
            {
                PrefetchOperation work = lease.Value.Operation;
                bool isEnded = work.Wait(timeoutMs >= int.MaxValue ? Timeout.Infinite : (int)timeoutMs);
                progress->Status = (int)work.Outcome(out _);
                PrefetchResult result = work.Progress;
                progress->RequestedBytes = (ulong)work.RequestedBytes;
                progress->TriedBytes = (ulong)result.RequestedBytes;
                progress->AlreadyThereBytes = (ulong)result.AlreadyThereBytes;
                progress->MovedBytes = (ulong)result.MovedBytes;
                progress->FailedBytes = (ulong)result.FailedBytes;
                return isEnded ? (int)SvmStatus.Done : LastError.Set(SvmStatus.TimedOut, $"The prefetch still ran after {timeoutMs} ms.");
            }
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_prefetch_cancel(gpusvm_prefetch_operation operation).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_prefetch_cancel")]
    public static int Cancel(ulong operation)
    {
        try
        {
            if (!Handles.Prefetches.TryBorrow(operation, out HandleTable<SessionPrefetch>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoPrefetch);
            using (lease)
                lease.Value.Operation.Cancel();
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_prefetch_end(gpusvm_prefetch_operation operation).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_prefetch_end")]
    public static int End(ulong operation)
    {
        try
        {
            if (!Handles.Prefetches.RemoveAndDrain(operation, out SessionPrefetch? prefetch, static ended => ended.Operation.Cancel()))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoPrefetch);
            prefetch.Operation.Wait();
            prefetch.Owner.ForgetPrefetch(operation);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }
}
