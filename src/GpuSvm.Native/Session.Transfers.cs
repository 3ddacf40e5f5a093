// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <content>Transfers without a kernel, and memory of the program that devices use in place.</content>
internal sealed partial class Session
{
    private readonly DeviceWindows _windows = new();

    /// <summary>Copies bytes between a device's address space and the program's own, as a DMA engine would.</summary>
    /// <param name="device">The device.</param>
    /// <param name="address">The first byte there.</param>
    /// <param name="buffer">The program's.</param>
    /// <param name="bytes">At least 1.</param>
    /// <param name="write">True: into the address space.</param>
    /// <returns>What became of it; throws a <see cref="SessionException"/> if a device without faults cannot have the memory.</returns>
    /// <remarks>On portable memory it takes its place among the launches: after those that were started before, before those that come later.</remarks>
    public unsafe SoftwareGpuTransfer Transfer(SessionDevice device, ulong address, byte* buffer, ulong bytes, bool write)
    {
        if (_memory.Kind != MemoryKind.Portable)
            return TransferNow(device, address, buffer, bytes, write);
        SoftwareGpuLaunch mark = SoftwareGpuLaunch.CreateMark();
        SoftwareGpuLaunch? before;
        lock (_gate)
        {
            before = _last;
            _last = mark;
        }

        try
        {
            before?.Wait();
            SoftwareGpuTransfer result = TransferNow(device, address, buffer, bytes, write);
            SvmStatus home = _vm.BringHome();
            return home == SvmStatus.Done || result.Status != SvmStatus.Done
                ? result
                : result with { Status = home, Message = $"Not every page could be brought home: {home.Describe()}; the bytes are safe in device memory and the next launch's end tries again." };
        }
        finally
        {
            mark.Complete();
        }
    }

    /// <summary>As <see cref="Transfer"/>, at once.</summary>
    private unsafe SoftwareGpuTransfer TransferNow(SessionDevice device, ulong address, byte* buffer, ulong bytes, bool write)
    {
        NoticeChanges();
        if (!_vm.Options.WithoutFaults)
            return device.Gpu.Transfer(device.Table, address, buffer, bytes, write);
        if (address >= DeviceWindows.End || bytes > DeviceWindows.End - address)
            return new SoftwareGpuTransfer(SvmStatus.NotMapped, 0, address, $"The {bytes} bytes from 0x{address:X} on are not mapped.");
        AddressRange interval = AddressRange.OfBytes(new VirtualAddress(address), (long)bytes);
        SvmStatus status = _vm.BeginJob([new JobMemory(interval, write ? MemoryAccess.Write : MemoryAccess.Read)], out GpuJob? job, out VirtualAddress failedAt, device.Number);
        if (status != SvmStatus.Done)
            return new SoftwareGpuTransfer(status, 0, failedAt.Value, $"The memory cannot be had at {failedAt}: {status.Describe()}.");
        SoftwareGpuTransfer result = device.Gpu.Transfer(device.Table, address, buffer, bytes, write);
        SvmStatus kept = _vm.EndJob(job!);
        return kept == SvmStatus.Done || result.Status != SvmStatus.Done ? result : result with { Status = kept, FaultAddress = address, Message = $"The memory was lost meanwhile: {kept.Describe()}." };
    }

    /// <summary>What a launch names: shared memory, or a device address of a user pointer.</summary>
    /// <param name="pointer">The first byte.</param>
    /// <param name="bytes">The length, at least 1.</param>
    /// <returns>Whole pages; throws a <see cref="SessionException"/> if it is neither.</returns>
    public AddressRange UsableInterval(ulong pointer, ulong bytes) => pointer >= DeviceWindows.First && pointer < DeviceWindows.End && bytes > 0 && bytes <= DeviceWindows.End - pointer
        ? AddressRange.OfBytes(new VirtualAddress(pointer), (long)bytes).AlignOutward()
        : Heap.Interval(new VirtualAddress(pointer), bytes);

    /// <summary>Shows memory of the program to the devices, in place.</summary>
    /// <param name="pointer">The first byte.</param>
    /// <param name="bytes">The length.</param>
    /// <param name="isReadOnly">Whether devices may only read it.</param>
    /// <param name="deviceAddress">Where kernels find the first byte.</param>
    /// <returns>The handle; throws a <see cref="SessionException"/> that names the remedy if it cannot be shown.</returns>
    public ulong RegisterUserptr(ulong pointer, ulong bytes, bool isReadOnly, out ulong deviceAddress)
    {
        if (bytes == 0 || pointer == 0 || pointer >= DeviceWindows.First || bytes > DeviceWindows.First - pointer)
            throw new SessionException(SvmStatus.InvalidArgument, $"{bytes} bytes from 0x{pointer:X} on are no memory of a program: pass a pointer and at least 1 byte.");
        AddressRange interval = AddressRange.OfBytes(new VirtualAddress(pointer), (long)bytes).AlignOutward();
        bool isAdded = AddInPlace(interval, isReadOnly);
        if (!_windows.TryTake(interval, out VirtualAddress start))
        {
            RemoveInPlace(interval, isAdded);
            throw new SessionException(SvmStatus.OutOfDeviceMemory, $"There are no {interval.Bytes} device addresses in a row: unregister other memory.");
        }

        SvmStatus status = _vm.BindUserptr(interval, start, isReadOnly, out GpuUserptr? userptr);
        if (status != SvmStatus.Done)
        {
            _windows.GiveBack(start);
            RemoveInPlace(interval, isAdded);
            throw new SessionException(status, $"{interval} could not be shown to the devices: {status.Describe()}.");
        }

        deviceAddress = start.Value + (pointer - interval.Start.Value);
        ulong handle = Handles.Userptrs.Add(new SessionUserptr(this, userptr!, isAdded));
        lock (_gate)
            _userptrs.Add(handle); // The caller has the session borrowed: it is not being disposed.
        return handle;
    }

    /// <summary>Takes memory away from the devices, then ends its handle.</summary>
    /// <param name="handle">Its handle.</param>
    /// <param name="shown">The memory; the caller is the one who ends it, and has it borrowed.</param>
    public void UnregisterUserptr(ulong handle, SessionUserptr shown)
    {
        SvmStatus status = _vm.UnbindUserptr(shown.Userptr);
        try
        {
            _windows.GiveBack(shown.Userptr.GpuInterval.Start);
            RemoveInPlace(shown.Interval, shown.InPlace);
        }
        finally
        {
            lock (_gate)
                _userptrs.Remove(handle);
            Handles.Userptrs.Remove(handle);
        }

        if (status != SvmStatus.Done)
            throw new SessionException(status, $"{shown.Interval} could not be taken away: {status.Describe()}.");
    }

    /// <summary>Makes the host memory know memory of the program that is not shared memory.</summary>
    /// <param name="interval">Whole pages.</param>
    /// <param name="isReadOnly">Whether devices may only read it.</param>
    /// <returns>False if it is shared memory, which is known; throws a <see cref="SessionException"/> if it is nothing, or partly something else.</returns>
    private bool AddInPlace(AddressRange interval, bool isReadOnly)
    {
        if (_host.TryFindMapping(interval.Start, out HostMapping known) && known.Interval.Overlaps(interval))
        {
            if (!known.Interval.Contains(interval))
                throw new SessionException(SvmStatus.Busy, $"Some pages of {interval} are known already, as {known.Interval}, and some are not: register what shares pages in one call, or align it to pages.");
            return !known.IsAnonymous
                ? throw new SessionException(SvmStatus.Busy, $"The pages of {interval} are registered already, in {known.Interval}: unregister that first, or use its device address.")
                : false;
        }

        SvmStatus status = ProcessMappings.Look(interval, out bool isWritable);
        if (status == SvmStatus.NotMapped)
            throw new SessionException(status, $"The program has no readable memory in all of {interval}: map it before it is registered.");
        if (!isWritable && !isReadOnly)
            throw new SessionException(SvmStatus.ReadOnly, $"The program itself may not write all of {interval}: register it with read_only 1.");
        status = _memory.Host.Add(interval, isWritable);
        return status == SvmStatus.Done ? true : throw new SessionException(status, $"Some pages of {interval} are registered already: register what shares pages in one call, or align it to pages.");
    }

    /// <summary>Makes the host memory forget memory of the program.</summary>
    /// <param name="interval">Whole pages.</param>
    /// <param name="isAdded">Whether it was told of it.</param>
    private void RemoveInPlace(AddressRange interval, bool isAdded)
    {
        if (!isAdded)
            return;
        SvmStatus status = _host.Free(interval);
        if (status != SvmStatus.Done)
            throw new SessionException(status, $"{interval} is still known to the devices: {status.Describe()}.");
    }
}
