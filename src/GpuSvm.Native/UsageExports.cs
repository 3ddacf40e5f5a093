// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <summary>The function of gpusvm.h that starts a launch with the memory that it uses. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class UsageExports
{
    private const int MaxUsages = 65536;

    /// <summary>int32_t gpusvm_launch_start_using(gpusvm_memory memory, gpusvm_kernel kernel, void* arguments, uint64_t group_count, const gpusvm_usage* usages, uint64_t count,
    /// gpusvm_launch* launch).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_launch_start_using")]
    public static int LaunchStartUsing(ulong memory, void* kernel, void* arguments, ulong groupCount, UsageStruct* usages, ulong count, ulong* launch)
    {
        try
        {
            if (kernel == null || launch == null || (usages == null && count > 0))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_launch_start_using: kernel, usages and launch must not be NULL.");
            *launch = 0;
            if (groupCount is 0 or > long.MaxValue)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_launch_start_using: {groupCount} groups are not possible; at least 1 is needed.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *launch = lease.Value.Start((nint)kernel, (nint)arguments, groupCount, MemoryOf(lease.Value, usages, count));
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>What a launch names; throws a <see cref="SessionException"/> that says what is wrong with it.</summary>
    /// <param name="session">The session it is to run in.</param>
    /// <param name="usages">The caller's list.</param>
    /// <param name="count">How many.</param>
    /// <returns>The memory, in whole pages.</returns>
    internal static JobMemory[] MemoryOf(Session session, UsageStruct* usages, ulong count)
    {
        if (count > MaxUsages)
            throw new SessionException(SvmStatus.InvalidArgument, $"{count} pieces of memory are too many: name at most {MaxUsages}, larger ones.");
        var used = new JobMemory[count];
        for (int i = 0; i < used.Length; i++)
        {
            UsageStruct usage = usages[i]; // SAFETY: the caller says that count of them are there.
            if (usage.Access > (uint)MemoryAccess.Atomic)
                throw new SessionException(SvmStatus.InvalidArgument, $"access {usage.Access} does not exist: 0 is read, 1 write, 2 atomic.");
            used[i] = new JobMemory(session.UsableInterval(usage.Pointer, usage.Bytes), (MemoryAccess)usage.Access);
        }

        return used;
    }
}
