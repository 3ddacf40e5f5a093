// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h that reach a device's address space without a kernel, and show it memory of the program. The rules of <see cref="Exports"/> hold, but for buffers of transfers, which may be
/// shared memory.</summary>
internal static unsafe class TransferExports
{
    /// <summary>int32_t gpusvm_device_read(gpusvm_memory memory, uint32_t device, uint64_t address, void* destination, uint64_t bytes, uint64_t* failed_at).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_device_read")]
    public static int DeviceRead(ulong memory, uint device, ulong address, byte* destination, ulong bytes, ulong* failedAt)
        => Transfer("gpusvm_device_read", memory, device, address, destination, bytes, failedAt, write: false);

    /// <summary>int32_t gpusvm_device_write(gpusvm_memory memory, uint32_t device, uint64_t address, const void* source, uint64_t bytes, uint64_t* failed_at).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_device_write")]
    public static int DeviceWrite(ulong memory, uint device, ulong address, byte* source, ulong bytes, ulong* failedAt)
        => Transfer("gpusvm_device_write", memory, device, address, source, bytes, failedAt, write: true);

    /// <summary>int32_t gpusvm_userptr_register(gpusvm_memory memory, void* pointer, uint64_t bytes, uint32_t read_only, uint64_t* device_address, gpusvm_userptr* userptr).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_userptr_register")]
    public static int UserptrRegister(ulong memory, ulong pointer, ulong bytes, uint readOnly, ulong* deviceAddress, ulong* userptr)
    {
        try
        {
            if (deviceAddress == null || userptr == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_userptr_register: device_address and userptr must not be NULL.");
            (*deviceAddress, *userptr) = (0, 0);
            if (readOnly > 1)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_userptr_register: read_only {readOnly} does not exist: 0 is no, 1 yes.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *userptr = lease.Value.RegisterUserptr(pointer, bytes, readOnly == 1, out *deviceAddress);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_userptr_unregister(gpusvm_userptr userptr).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_userptr_unregister")]
    public static int UserptrUnregister(ulong userptr)
    {
        try
        {
            if (!Handles.Userptrs.TryBorrow(userptr, out HandleTable<SessionUserptr>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoUserptr);
            using (lease) // Borrowed and still in the handles, so that a close of the memory waits until it is taken away.
            {
                if (!lease.Value.TryEnd())
                    return LastError.Set(SvmStatus.InvalidHandle, Handles.NoUserptr);
                lease.Value.Owner.UnregisterUserptr(userptr, lease.Value);
            }

            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>Both transfers.</summary>
    /// <param name="function">Whose errors these are.</param>
    /// <param name="memory">A gpusvm_memory.</param>
    /// <param name="device">The device's number.</param>
    /// <param name="address">The first byte of its address space.</param>
    /// <param name="buffer">The caller's.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="failedAt">Gets the address that failed; may be null.</param>
    /// <param name="write">True: into the address space.</param>
    /// <returns>A gpusvm_status.</returns>
    private static int Transfer(string function, ulong memory, uint device, ulong address, byte* buffer, ulong bytes, ulong* failedAt, bool write)
    {
        try
        {
            if (failedAt != null)
                *failedAt = 0;
            if (buffer == null && bytes > 0)
                return LastError.Set(SvmStatus.InvalidArgument, $"{function}: the buffer is NULL; pass {bytes} bytes.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
            {
                SessionDevice target = lease.Value.DeviceAt(device);
                if (bytes == 0)
                    return (int)SvmStatus.Done;
                SoftwareGpuTransfer result = lease.Value.Transfer(target, address, buffer, bytes, write);
                if (failedAt != null)
                    *failedAt = result.FaultAddress;
                return LastError.Set(result.Status, $"{result.Message} {result.DoneBytes} of {bytes} bytes were transferred.");
            }
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }
}
