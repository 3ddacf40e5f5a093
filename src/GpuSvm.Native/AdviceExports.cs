// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h by which a program says what it wishes of its memory. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class AdviceExports
{
    /// <summary>int32_t gpusvm_advise(gpusvm_memory memory, const void* pointer, uint64_t bytes, const gpusvm_advice* advice).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_advise")]
    public static int Advise(ulong memory, ulong pointer, ulong bytes, AdviceStruct* advice)
    {
        try
        {
            if (advice == null || advice->StructBytes != sizeof(AdviceStruct))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_advise: pass a gpusvm_advice with struct_bytes set to its size.");
            AdviceStruct wishes = *advice; // Once: the caller's other threads cannot change what was checked.
            if (wishes.Mistake() is { } mistake)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_advise: " + mistake);
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                lease.Value.Advise(lease.Value.Heap.Interval(new(pointer), bytes), wishes);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }
}
