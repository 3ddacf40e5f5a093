// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>A simulated address space with several devices, each with a VM of its own, running real kernels on threads.</summary>
internal sealed unsafe class KernelMachine : IDisposable
{
    private readonly FaultService[] _services;
    private readonly List<nint> _arguments = [];
    private readonly List<AddressRange> _allocations = [];
    private readonly bool[] _gone;

    /// <summary>Builds the machine.</summary>
    /// <param name="devices">How many devices.</param>
    /// <param name="devicePages">Memory of each in pages.</param>
    /// <param name="placement">Where touched pages go.</param>
    /// <param name="units">Compute units of each.</param>
    /// <param name="iommuBytes">Device addresses of each, if they stand behind IOMMUs.</param>
    /// <param name="prefetchFaults">Whether they raise faults ahead of need.</param>
    /// <param name="thrash">What becomes of pages that go to and fro; null for the default.</param>
    /// <param name="accessCounters">What comes because it is hot; null for nothing.</param>
    public KernelMachine(
        int devices, int devicePages = 1024, IPlacementPolicy? placement = null, int units = 2, long iommuBytes = 0, bool prefetchFaults = false,
        IThrashPolicy? thrash = null, IAccessCounterPolicy? accessCounters = null)
    {
        Memory = new SimulatedHostMemory();
        Host = new HostAddressSpace(Memory);
        Devices = new SoftwareGpuDevice[devices];
        Vms = new GpuVm[devices];
        _services = new FaultService[devices];
        _gone = new bool[devices];
        for (int i = 0; i < devices; i++)
        {
            Devices[i] = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = (long)devicePages * PageSize.Bytes, ComputeUnits = units, IommuBytes = iommuBytes, PrefetchFaults = prefetchFaults });
            Vms[i] = new GpuVm(Host, Devices[i], new GpuVmOptions { Placement = placement ?? new FirstTouchPlacement(), Thrash = thrash ?? new BackOffThrash(), AccessCounters = accessCounters });
            _services[i] = new FaultService(Devices[i].FaultBuffer, Vms[i], threads: 1);
        }
    }

    /// <summary>The memory.</summary>
    public SimulatedHostMemory Memory { get; }

    /// <summary>The address space.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>The devices.</summary>
    public SoftwareGpuDevice[] Devices { get; }

    /// <summary>Their VMs.</summary>
    public GpuVm[] Vms { get; }

    /// <summary>Allocates shared memory.</summary>
    public AddressRange Allocate(long bytes)
    {
        Assert.Equal(SvmStatus.Done, Host.Allocate(bytes, out AddressRange interval));
        _allocations.Add(interval);
        return interval;
    }

    /// <summary>Frees shared memory: devices lose it before its pages go.</summary>
    public void Free(AddressRange interval)
    {
        Assert.Equal(SvmStatus.Done, Host.Free(interval));
        _allocations.Remove(interval);
    }

    /// <summary>Reads as the CPU.</summary>
    public long Load(VirtualAddress address)
    {
        long value = 0;
        Assert.Equal(SvmStatus.Done, Memory.CpuRead(address, MemoryMarshal.AsBytes(new Span<long>(ref value))));
        return value;
    }

    /// <summary>Memory for a kernel's arguments, until the machine ends.</summary>
    public PeerKernels.Counters* Arguments(PeerKernels.Counters value)
    {
        var place = (PeerKernels.Counters*)NativeMemory.Alloc((nuint)sizeof(PeerKernels.Counters)); // SAFETY: freed by Dispose, after the last launch.
        _arguments.Add((nint)place);
        *place = value;
        return place;
    }

    /// <summary>Starts a kernel on a device.</summary>
    public SoftwareGpuLaunch Start(int device, delegate* unmanaged<SoftwareGpuKernelContext*, void*, void> kernel, PeerKernels.Counters* arguments, ulong groups = 1)
    {
        Assert.Equal(SvmStatus.Done, Devices[device].Queue.Start((SoftwareGpuPageTable)Vms[device].PageTable, (nint)kernel, (nint)arguments, groups, out SoftwareGpuLaunch launch));
        return launch;
    }

    /// <summary>Waits for a launch.</summary>
    public static void Wait(SoftwareGpuLaunch launch)
    {
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)), "The launch hangs.");
    }

    /// <summary>Lets a kernel of two groups add to one counter while a CPU thread writes the pages beside it, and asserts that both come to their end and that nothing is lost.</summary>
    /// <param name="times">Additions of each group, and CPU writes.</param>
    public void CountFromBothSides(long times)
    {
        AddressRange memory = Allocate(65536);
        PeerKernels.Counters* arguments = Arguments(new PeerKernels.Counters { Address = memory.Start.Value, Times = times });
        SoftwareGpuLaunch launch = Start(0, &PeerKernels.Count, arguments, groups: 2);
        long written = 0;
        var cpu = new Thread(() =>
        {
            for (; written < times; written++)
            {
                if (Memory.CpuWrite(memory.Start + 8192 + (written * 8), [1]) != SvmStatus.Done)
                    return;
            }
        });
        cpu.Start();
        Wait(launch);
        Assert.True(cpu.Join(60_000), "The CPU thread hangs.");
        Assert.Equal("", launch.Message);
        Assert.Equal(times, written);
        Assert.Equal(2 * times, Load(memory.Start));
        for (long i = 0; i < times; i++)
            Assert.Equal(1, Load(memory.Start + 8192 + (i * 8)));
    }

    /// <summary>Ends one device: its launches are over.</summary>
    public void Remove(int device)
    {
        _gone[device] = true;
        Devices[device].FaultBuffer.Close();
        _services[device].Dispose();
        Vms[device].Dispose();
        Assert.Equal(Devices[device].Memory.Pages, Devices[device].Memory.FreePages);
        Assert.Equal((0, 0), (Devices[device].LivePeerPages, Devices[device].DmaMapper.LivePages));
        Assert.Equal((Devices[device].Iommu?.Pages, Devices[device].Iommu?.RefusedAccesses), (Devices[device].Iommu?.FreePages, Devices[device].Iommu is null ? null : 0));
        Devices[device].Dispose();
    }

    /// <summary>Asserts that no invariant is broken; nothing runs.</summary>
    public void Check()
    {
        GpuVm[] left = [.. Vms.Where((_, device) => !_gone[device])];
        Assert.Empty(InvariantChecker.Check(left));
    }

    /// <summary>Ends everything and asserts that nothing leaked.</summary>
    public void Dispose()
    {
        SchedulePoint.Install(null);
        Check();
        for (int i = 0; i < Vms.Length; i++)
        {
            if (!_gone[i])
                Remove(i);
        }

        foreach (AddressRange interval in _allocations)
            Assert.Equal(SvmStatus.Done, Host.Free(interval)); // Pages that a device had for itself alone as well.
        Memory.VerifyNoLeaks();
        Host.Dispose();
        foreach (nint arguments in _arguments)
            NativeMemory.Free((void*)arguments);
        Assert.Equal(0, LockOrder.HeldCount);
    }
}
