// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>A device with one address space and a thread that serves its faults by a rule; the default binds a fresh zeroed page of device memory.</summary>
internal sealed unsafe class TestGpu : IDisposable
{
    private readonly Thread _service;
    private readonly Func<TestGpu, GpuFault, SvmStatus> _serve;

    internal TestGpu(int units = 2, long memoryBytes = 16 << 20, Func<TestGpu, GpuFault, SvmStatus>? serve = null, long iommuBytes = 0)
    {
        _serve = serve ?? ((gpu, fault) => gpu.BindFresh(fault.Address.AlignDown(PageOrder.Small), PageOrder.Small));
        Device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = memoryBytes, ComputeUnits = units, IommuBytes = iommuBytes });
        Table = Device.CreatePageTable(out _);
        _service = new Thread(Run) { IsBackground = true, Name = "test-fault-service" };
        _service.Start();
    }

    internal SoftwareGpuDevice Device { get; }

    internal SoftwareGpuPageTable Table { get; }

    internal int Faults { get; private set; }

    internal Lock Gate { get; } = new();

    /// <summary>Binds a block of fresh device memory, zeroed.</summary>
    internal SvmStatus BindFresh(VirtualAddress start, PageOrder order)
    {
        lock (Gate)
        {
            if (Table.Lookup(start).IsPresent)
                return SvmStatus.Done;
            SvmStatus status = Device.Memory.Allocate(order, out DeviceFrame frame);
            if (status != SvmStatus.Done)
                return status;
            Device.CopyEngine.Clear(frame, order.Pages, out _);
            return Bind(start, new DeviceAddress((ulong)frame.OffsetBytes, AddressProtocol.LocalMemory, order, writable: true));
        }
    }

    /// <summary>Prepares and writes one mapping.</summary>
    internal SvmStatus Bind(VirtualAddress start, DeviceAddress address)
    {
        SvmStatus status = Table.Prepare(AddressRange.OfPages(start, address.Order.Pages));
        if (status == SvmStatus.Done)
            Table.Write(start, [address]);
        return status;
    }

    /// <summary>The bytes behind a bound address, if it lies in device memory or in this process.</summary>
    internal byte* PointerTo(VirtualAddress address)
    {
        DeviceAddress page = Table.Lookup(address);
        Assert.True(page.IsPresent, $"{address} is not bound");
        return (byte*)(page.Protocol == AddressProtocol.LocalMemory ? Device.Memory.BasePointer : 0) + page.Address + (address.Value & 4095);
    }

    /// <summary>Runs a kernel to its end and expects it to be done.</summary>
    internal SoftwareGpuLaunch Run(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void> kernel, void* arguments, ulong groups = 1)
    {
        SoftwareGpuLaunch launch = RunToEnd(kernel, arguments, groups);
        Assert.Equal("", launch.Message);
        Assert.Equal(SvmStatus.Done, launch.Status);
        return launch;
    }

    /// <summary>Runs a kernel to its end, however it ends.</summary>
    internal SoftwareGpuLaunch RunToEnd(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void> kernel, void* arguments, ulong groups = 1)
    {
        Assert.Equal(SvmStatus.Done, Device.Queue.Start(Table, (nint)kernel, (nint)arguments, groups, out SoftwareGpuLaunch launch));
        Assert.True(launch.Wait(TimeSpan.FromSeconds(50)), "the launch hangs");
        return launch;
    }

    public void Dispose()
    {
        Device.Dispose();
        _service.Join();
        Table.Dispose();
    }

    private void Run()
    {
        var faults = new GpuFault[8];
        int count;
        while ((count = Device.FaultBuffer.Fetch(faults)) > 0)
        {
            for (int i = 0; i < count; i++)
            {
                Faults++;
                Device.FaultBuffer.Acknowledge(faults[i], _serve(this, faults[i]));
            }
        }
    }
}
