// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h for GPU address spaces beside a memory's first. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class VmExports
{
    /// <summary>int32_t gpusvm_vm_create(gpusvm_memory memory, gpusvm_vm* vm).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_vm_create")]
    public static int Create(ulong memory, ulong* vm)
    {
        try
        {
            if (vm == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_vm_create: vm must not be NULL.");
            *vm = 0;
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *vm = lease.Value.CreateVm();
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_vm_destroy(gpusvm_vm vm).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_vm_destroy")]
    public static int Destroy(ulong vm)
    {
        try
        {
            if (Handles.Vms.TryBorrow(vm, out HandleTable<SessionVm>.Lease lease))
            {
                using (lease)
                {
                    if (lease.Value.Owner.IsCallbackThread)
                        return LastError.Set(SvmStatus.Busy, "gpusvm_vm_destroy: not from a callback of its memory, for it waits for launches and their callbacks.");
                }
            }

            if (!Handles.Vms.RemoveAndDrain(vm, out SessionVm? ended, static _ => { }))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoVm);
            ended.Owner.EndVm(vm, ended);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_vm_queue_create(gpusvm_vm vm, uint32_t device, gpusvm_queue* queue).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_vm_queue_create")]
    public static int CreateQueue(ulong vm, uint device, ulong* queue)
    {
        try
        {
            if (queue == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_vm_queue_create: queue must not be NULL.");
            *queue = 0;
            if (!Handles.Vms.TryBorrow(vm, out HandleTable<SessionVm>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoVm);
            using (lease)
                *queue = lease.Value.Owner.CreateQueue(lease.Value, device);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_vm_advise(gpusvm_vm vm, const void* pointer, uint64_t bytes, const gpusvm_advice* advice).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_vm_advise")]
    public static int Advise(ulong vm, ulong pointer, ulong bytes, AdviceStruct* advice)
    {
        try
        {
            if (advice == null || advice->StructBytes != sizeof(AdviceStruct))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_vm_advise: pass a gpusvm_advice with struct_bytes set to its size.");
            AdviceStruct wishes = *advice; // Once, as in gpusvm_advise.
            if (wishes.Mistake() is { } mistake)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_vm_advise: " + mistake);
            if (!Handles.Vms.TryBorrow(vm, out HandleTable<SessionVm>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoVm);
            using (lease)
                lease.Value.Owner.Advise(lease.Value, lease.Value.Owner.Heap.Interval(new(pointer), bytes), wishes);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }
}
