// SPDX-License-Identifier: MIT
using GpuSvm.Core.Faults;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Abi;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>One device of a session: the GPU, its part in the session's VM, and the threads that serve its faults.</summary>
internal sealed class SessionDevice : IDisposable
{
    private readonly FaultService _faults;

    /// <summary>Begins to serve a device's faults.</summary>
    /// <param name="gpu">The GPU, which is its owner's to dispose.</param>
    /// <param name="vm">The VM.</param>
    /// <param name="number">The device's number in the VM.</param>
    /// <param name="threads">How many threads serve.</param>
    public SessionDevice(SoftwareGpuDevice gpu, GpuVm vm, int number, int threads)
    {
        Gpu = gpu;
        Number = number;
        Table = (SoftwareGpuPageTable)vm.Devices[number].PageTable;
        Pagemap = vm.Devices[number].Pagemap;
        _faults = new FaultService(gpu.FaultBuffer, vm, threads, number);
        gpu.FaultBuffer.Helper = new UnitFaultHelper(gpu.FaultBuffer, _faults);
    }

    /// <summary>The GPU.</summary>
    public SoftwareGpuDevice Gpu { get; }

    /// <summary>Its number, from 0.</summary>
    public int Number { get; }

    /// <summary>Its page table for the VM.</summary>
    public SoftwareGpuPageTable Table { get; }

    /// <summary>Its memory as a home for pages.</summary>
    public Pagemap Pagemap { get; }

    /// <summary>Bytes of its memory that are in use now.</summary>
    public long UsedBytes => Gpu.Memory.Bytes - ((long)Gpu.Memory.FreePages << Core.Addressing.PageSize.Shift);

    /// <summary>Serves the faults of another VM too.</summary>
    /// <param name="vm">The VM, in which the device has the same number.</param>
    public void Serve(GpuVm vm) => _faults.Add(vm, Number);

    /// <summary>Serves the faults of a VM no more; its launches have ended.</summary>
    /// <param name="vm">The VM.</param>
    public void Forget(GpuVm vm) => _faults.Remove(vm);

    /// <summary>Tells what it is and what went to and fro.</summary>
    /// <returns>The struct, its size filled in.</returns>
    public unsafe DeviceInfoStruct Describe()
    {
        var info = new DeviceInfoStruct
        {
            StructBytes = (uint)sizeof(DeviceInfoStruct),
            ComputeUnits = (uint)Gpu.ComputeUnits,
            MemoryBytes = (ulong)Gpu.Memory.Bytes,
            UsedBytes = (ulong)UsedBytes,
            BytesToDevice = (ulong)Pagemap.Counters.BytesToDevice,
            BytesToRam = (ulong)Pagemap.Counters.BytesToRam,
            Evictions = (ulong)Pagemap.Counters.Evictions,
            Launches = (ulong)Gpu.ReadCounters().Launches,
        };
        info.SetName(Gpu.Name);
        return info;
    }

    /// <summary>Ends the service of its faults; no launch runs any more.</summary>
    public void Dispose() => _faults.Dispose();
}
