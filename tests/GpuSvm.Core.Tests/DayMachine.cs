// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>
/// A simulated address space under a clock of the test's own: two devices that share a VM, a third with one of its own, and on that also a VM without faults. The test itself makes the
/// devices' accesses, through their page tables. A thread that sleeps for the sake of a guaranteed time makes the clock go on.
/// </summary>
internal sealed unsafe class DayMachine
{
    /// <summary>The VM without faults.</summary>
    public const int JobVm = 2;

    private static readonly TimeSpan _nap = TimeSpan.FromMicroseconds(200);

    /// <summary>Builds the machine.</summary>
    /// <param name="settings">What it is.</param>
    public DayMachine(DaySettings settings)
    {
        Memory = new SimulatedHostMemory(new SimulatedHostOptions { Frames = 12_288 });
        Host = new HostAddressSpace(Memory, Time);
        Devices = [.. settings.Pages.Select((pages, index) => new SoftwareGpuDevice(new SoftwareGpuOptions
        {
            MemoryBytes = (long)pages * PageSize.Bytes,
            ComputeUnits = 1,
            IommuBytes = settings.IommuBytes,
            LinkGroup = settings.IsStranger && index == 2 ? 2 : 1,
        }))];
        Vms =
        [
            new GpuVm(Host, [Devices[0], Devices[1]], settings.Both),
            new GpuVm(Host, Devices[2], settings.Alone),
            new GpuVm(Host, Devices[2], settings.Alone with { WithoutFaults = true }),
        ];
        SchedulePoint.Install((kind, subject) =>
        {
            if (kind == SchedulePointKind.Wait && ReferenceEquals(subject, Memory))
                Time.Advance(TimeSpan.FromMilliseconds(10));
        });
    }

    /// <summary>The clock.</summary>
    public ManualTime Time { get; } = new();

    /// <summary>The memory.</summary>
    public SimulatedHostMemory Memory { get; }

    /// <summary>The address space.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>The devices.</summary>
    public SoftwareGpuDevice[] Devices { get; }

    /// <summary>The VMs: of two devices, of one, and of the same without faults.</summary>
    public GpuVm[] Vms { get; }

    /// <summary>One of the three devices as a VM with faults knows it.</summary>
    /// <param name="place">0 to 2.</param>
    public (int Vm, int Device) At(int place) => place == 2 ? (1, 0) : (0, place);

    /// <summary>Has a fault served, letting time pass as long as it is put off.</summary>
    public SvmStatus Fault(int vm, int device, VirtualAddress address, MemoryAccess access)
    {
        SvmStatus status = SvmStatus.Busy;
        for (int attempt = 0; attempt < 200 && status == SvmStatus.Busy; attempt++)
        {
            status = Vms[vm].FaultHandler.Handle(new GpuFault(address, access, Vms[vm].Devices[device].AddressSpaceId, 0, 0), device);
            if (status == SvmStatus.Busy)
                Time.Advance(_nap);
        }

        return status;
    }

    /// <summary>Whether a device has a translation for an access, and where it leads.</summary>
    public bool TryTranslate(int vm, int device, VirtualAddress address, MemoryAccess access, out Span<byte> bytes)
    {
        bytes = default;
        DeviceAddress entry = Vms[vm].Devices[device].PageTable.Lookup(address);
        if (!entry.IsPresent || !(access == MemoryAccess.Read || entry.IsWritable) || (access == MemoryAccess.Atomic && !entry.AllowsAtomics))
            return false;
        var gpu = (SoftwareGpuDevice)Vms[vm].Devices[device].Device;
        nint page = entry.Protocol switch
        {
            AddressProtocol.LocalMemory => ((SoftwareGpuMemory)gpu.Memory).BasePointer + (nint)entry.Address,
            AddressProtocol.System when gpu.Iommu is { } iommu => iommu.PointerOf(entry.Address).Value,
            _ => (nint)entry.Address,
        };
        int offset = (int)(address.Value & (PageSize.Bytes - 1));
        bytes = new Span<byte>((byte*)page + offset, PageSize.Bytes - offset); // SAFETY: a translation just looked up; the test is its only user.
        return true;
    }

    /// <summary>Asserts that no invariant is broken, once background threads have let go.</summary>
    public void Check()
    {
        Assert.True(SpinWait.SpinUntil(() => Host.Users == 0, 30_000), $"{Host.Users} users are left");
        Machine.AssertHold(InvariantChecker.Check(Vms));
    }

    /// <summary>Ends everything, with nothing mapped any more, and asserts that nothing leaked.</summary>
    public void End()
    {
        Check();
        SchedulePoint.Install(null);
        for (int i = Vms.Length - 1; i >= 0; i--)
            Vms[i].Dispose();
        foreach (SoftwareGpuDevice device in Devices)
        {
            Assert.Equal(device.Memory.Pages, device.Memory.FreePages);
            Assert.Equal((0, 0), (device.DmaMapper.LivePages, device.LivePeerPages));
            Assert.Equal(device.Iommu?.Pages, device.Iommu?.FreePages);
            device.Dispose();
        }

        Assert.Equal((0L, 0L, 0), (Host.AwayPages, Host.ExclusivePages, Host.Users));
        Memory.VerifyNoLeaks();
        Assert.Equal(0, Memory.FramesInUse);
        Host.Dispose();
        Assert.Equal(0, LockOrder.HeldCount);
    }
}
