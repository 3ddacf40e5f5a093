// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Native.Abi;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h for queues and what is launched in them. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class QueueExports
{
    private const int MaxWaits = 4096;

    /// <summary>int32_t gpusvm_queue_create(gpusvm_memory memory, uint32_t device, gpusvm_queue* queue).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_queue_create")]
    public static int Create(ulong memory, uint device, ulong* queue)
    {
        try
        {
            if (queue == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_queue_create: queue is NULL; pass the address of a gpusvm_queue.");
            *queue = 0;
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *queue = lease.Value.CreateQueue(device);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_queue_destroy(gpusvm_queue queue).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_queue_destroy")]
    public static int Destroy(ulong queue)
    {
        try
        {
            if (!Handles.Queues.TryBorrow(queue, out HandleTable<SessionQueue>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoQueue);
            using (lease) // Borrowed, so that the session stays until the queue has ended.
            {
                if (!Handles.Queues.Remove(queue))
                    return LastError.Set(SvmStatus.InvalidHandle, Handles.NoQueue);
                lease.Value.Owner.EndQueue(queue, lease.Value);
            }

            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_queue_launch(gpusvm_queue queue, gpusvm_kernel kernel, void* arguments, uint64_t group_count, const gpusvm_launch_options* options, gpusvm_launch* launch).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_queue_launch")]
    public static int Launch(ulong queue, void* kernel, void* arguments, ulong groupCount, LaunchOptionsStruct* options, ulong* launch)
    {
        try
        {
            if (kernel == null || launch == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_queue_launch: kernel and launch must not be NULL.");
            *launch = 0;
            if (groupCount is 0 or > long.MaxValue)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_queue_launch: {groupCount} groups are not possible; at least 1 is needed.");
            if (options != null && options->StructBytes != sizeof(LaunchOptionsStruct))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_queue_launch: pass a gpusvm_launch_options with struct_bytes set to its size, or NULL.");
            LaunchOptionsStruct given = options == null ? default : *options;
            if ((given.Waits == null && given.WaitCount > 0) || (given.Usages == null && given.UsageCount > 0))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_queue_launch: waits and usages must not be NULL where their counts are not 0.");
            if (!Handles.Queues.TryBorrow(queue, out HandleTable<SessionQueue>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoQueue);
            using (lease)
            {
                Session session = lease.Value.Owner;
                SoftwareGpuLaunch[] after = LaunchesOf(session, given.Waits, given.WaitCount);
                *launch = session.Start(lease.Value, new SessionWork(
                    (nint)kernel, (nint)arguments, groupCount, UsageExports.MemoryOf(session, given.Usages, given.UsageCount), after, given.Callback, given.CallbackArguments));
            }

            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_queue_wait(gpusvm_queue queue, uint32_t timeout_ms).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_queue_wait")]
    public static int Wait(ulong queue, uint timeoutMs)
    {
        try
        {
            if (!Handles.Queues.TryBorrow(queue, out HandleTable<SessionQueue>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoQueue);
            using (lease)
            {
                return lease.Value.Owner.Wait(lease.Value, timeoutMs)
                    ? (int)SvmStatus.Done
                    : LastError.Set(SvmStatus.TimedOut, $"The queue still ran after {timeoutMs} ms.");
            }
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>The launches of some handles; throws a <see cref="SessionException"/> if one is none, or of another memory.</summary>
    /// <param name="session">Whose they must be.</param>
    /// <param name="handles">The caller's list.</param>
    /// <param name="count">How many.</param>
    /// <returns>The launches.</returns>
    private static SoftwareGpuLaunch[] LaunchesOf(Session session, ulong* handles, uint count)
    {
        if (count > MaxWaits)
            throw new SessionException(SvmStatus.InvalidArgument, $"{count} launches to wait for are too many: at most {MaxWaits} are possible; the last one of each queue will do.");
        var launches = new SoftwareGpuLaunch[count];
        for (int i = 0; i < launches.Length; i++)
        {
            if (!Handles.Launches.TryBorrow(handles[i], out HandleTable<SessionLaunch>.Lease lease)) // SAFETY: the caller says that count of them are there.
                throw new SessionException(SvmStatus.InvalidHandle, Handles.NoLaunch);
            using (lease)
            {
                if (!ReferenceEquals(lease.Value.Owner, session))
                    throw new SessionException(SvmStatus.InvalidArgument, "A launch can only wait for launches of its own memory: wait for the others in the program.");
                launches[i] = lease.Value.Launch;
            }
        }

        return launches;
    }
}
