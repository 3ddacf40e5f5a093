// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h that share memory which the process already has. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class AttachExports
{
    private const uint InPlace = 1;

    /// <summary>int32_t gpusvm_attach(gpusvm_memory memory, void* pointer, uint64_t bytes, uint32_t flags).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_attach")]
    public static int Attach(ulong memory, void* pointer, ulong bytes, uint flags)
    {
        try
        {
            if ((flags & ~InPlace) != 0)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_attach: there is no flag {flags}; pass 0 or GPUSVM_ATTACH_IN_PLACE.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                lease.Value.Heap.Attachments.Attach(new((ulong)pointer), bytes, (flags & InPlace) != 0);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_detach(gpusvm_memory memory, void* pointer).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_detach")]
    public static int Detach(ulong memory, void* pointer)
    {
        try
        {
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                lease.Value.Heap.Attachments.Detach(new((ulong)pointer));
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }
}
