// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>A simulated address space with one VM without faults over one or several devices, whose units run real kernels.</summary>
internal sealed unsafe class JobMachine : IDisposable
{
    private readonly List<nint> _arguments = [];
    private readonly List<AddressRange> _allocations = [];

    /// <summary>Builds the machine.</summary>
    /// <param name="devices">How many devices the VM has.</param>
    /// <param name="devicePages">Memory of each in pages.</param>
    /// <param name="options">How the VM behaves beside being without faults; null for pages that always move.</param>
    /// <param name="iommuBytes">Device addresses of each, if they stand behind IOMMUs.</param>
    /// <param name="time">The clock; null for the system's.</param>
    public JobMachine(int devices = 1, int devicePages = 2048, GpuVmOptions? options = null, long iommuBytes = 0, TimeProvider? time = null)
    {
        Memory = new SimulatedHostMemory();
        Host = new HostAddressSpace(Memory, time);
        Devices = new SoftwareGpuDevice[devices];
        for (int i = 0; i < devices; i++)
            Devices[i] = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = (long)devicePages * PageSize.Bytes, ComputeUnits = 2, IommuBytes = iommuBytes });
        Vm = new GpuVm(Host, Devices, (options ?? new GpuVmOptions { Placement = new Machine.AlwaysMigrate() }) with { WithoutFaults = true });
    }

    /// <summary>The memory.</summary>
    public SimulatedHostMemory Memory { get; }

    /// <summary>The address space.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>The devices.</summary>
    public SoftwareGpuDevice[] Devices { get; }

    /// <summary>The VM.</summary>
    public GpuVm Vm { get; }

    /// <summary>Allocates shared memory.</summary>
    public AddressRange Allocate(long bytes)
    {
        Assert.Equal(SvmStatus.Done, Host.Allocate(bytes, out AddressRange interval));
        _allocations.Add(interval);
        return interval;
    }

    /// <summary>Frees shared memory.</summary>
    public void Free(AddressRange interval)
    {
        _allocations.Remove(interval);
        Assert.Equal(SvmStatus.Done, Host.Free(interval));
    }

    /// <summary>Reads as the CPU.</summary>
    public long Load(VirtualAddress address)
    {
        long value = 0;
        Assert.Equal(SvmStatus.Done, Memory.CpuRead(address, MemoryMarshal.AsBytes(new Span<long>(ref value))));
        return value;
    }

    /// <summary>Writes as the CPU.</summary>
    public void Store(VirtualAddress address, long value) =>
        Assert.Equal(SvmStatus.Done, Memory.CpuWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))));

    /// <summary>Whether a page's bytes are on a device.</summary>
    public bool IsOnDevice(VirtualAddress address)
    {
        var entry = new PageEntry[1];
        Host.ReadEntries(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1), entry);
        return entry[0].IsDevice;
    }

    /// <summary>Begins a job that must begin.</summary>
    public GpuJob Begin(params JobMemory[] memory) => BeginOn(0, memory);

    /// <summary>Begins a job on a device; it must begin.</summary>
    public GpuJob BeginOn(int device, params JobMemory[] memory)
    {
        SvmStatus status = Vm.BeginJob(memory, out GpuJob? job, out VirtualAddress failedAt, device);
        Assert.Equal((SvmStatus.Done, default), (status, failedAt));
        return job!;
    }

    /// <summary>Memory for a kernel's arguments, until the machine ends.</summary>
    public JobKernels.Work* Arguments(VirtualAddress address, VirtualAddress second = default, bool isAtomic = false)
    {
        var place = (JobKernels.Work*)NativeMemory.Alloc((nuint)sizeof(JobKernels.Work)); // SAFETY: freed by Dispose, after the last launch.
        _arguments.Add((nint)place);
        *place = new JobKernels.Work { Address = address.Value, Second = second.Value, IsAtomic = isAtomic ? 1 : 0 };
        return place;
    }

    /// <summary>Starts the adding kernel, with one group, and fails it with its job.</summary>
    public SoftwareGpuLaunch Start(JobKernels.Work* work, GpuJob? job = null, int device = 0)
    {
        var table = (SoftwareGpuPageTable)Vm.Devices[device].PageTable;
        Assert.Equal(
            SvmStatus.Done, Devices[device].Queue.Start(table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&JobKernels.Add, (nint)work, 1, out SoftwareGpuLaunch launch));
        job?.WhenFailed(failed => launch.Cancel(failed.Status, failed.FailedAt, MemoryAccess.Write));
        return launch;
    }

    /// <summary>Starts the adding kernel and waits until it is in full swing.</summary>
    public SoftwareGpuLaunch Run(JobKernels.Work* work, GpuJob? job = null, int device = 0)
    {
        SoftwareGpuLaunch launch = Start(work, job, device);
        Assert.True(SpinWait.SpinUntil(() => launch.IsComplete || Volatile.Read(ref work->Started) != 0, TimeSpan.FromSeconds(60)), "The kernel does not start.");
        return launch;
    }

    /// <summary>Tells the kernel to end, and waits for it.</summary>
    public static SvmStatus Finish(JobKernels.Work* work, SoftwareGpuLaunch launch)
    {
        Volatile.Write(ref work->Stop, 1);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)), "The launch hangs.");
        return launch.Status;
    }

    /// <summary>Waits until something holds that another thread brings about.</summary>
    public static void Until(Func<bool> holds) => Assert.True(SpinWait.SpinUntil(holds, TimeSpan.FromSeconds(60)), "It does not come about.");

    /// <summary>Asserts that no invariant is broken.</summary>
    /// <param name="quiescent">Whether nothing runs.</param>
    public void Check(bool quiescent = true) => Machine.AssertHold(InvariantChecker.Check(Vm, quiescent));

    /// <summary>Ends everything and asserts that nothing leaked.</summary>
    public void Dispose()
    {
        SchedulePoint.Install(null);
        Check();
        foreach (AddressRange interval in _allocations.ToArray())
            Free(interval);
        Vm.Dispose();
        foreach (SoftwareGpuDevice device in Devices)
        {
            Assert.Equal(device.Memory.Pages, device.Memory.FreePages);
            Assert.Equal(0, device.DmaMapper.LivePages);
            device.Dispose();
        }

        Assert.Equal(Vm.Counters.QueueStops, Vm.Counters.QueueRestores);
        Memory.VerifyNoLeaks();
        Host.Dispose();
        foreach (nint arguments in _arguments)
            NativeMemory.Free((void*)arguments);
        Assert.Equal(0, LockOrder.HeldCount);
    }
}
