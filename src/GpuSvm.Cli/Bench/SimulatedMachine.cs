// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// Core over simulated memory, in the tool's own runtime: what the bookkeeping costs by itself, without a system call. Pages stay in RAM. The
/// checks of
/// the test builds are off.
/// </summary>
internal sealed class SimulatedMachine : IDisposable
{
    /// <summary>Device memory: enough that ranges of 2 MiB are allowed, and never used.</summary>
    private const int DeviceBytes = 16 << 20;

    /// <summary>Where memory is mapped: at the start of a notifier window.</summary>
    private static readonly VirtualAddress _start = new(0x2000_0000_0000);

    /// <summary>The device.</summary>
    private readonly SoftwareGpuDevice _device;

    /// <summary>Builds the machine and maps memory.</summary>
    /// <param name="pages">Pages of memory that can be touched; more can be mapped.</param>
    /// <param name="mappedPages">Pages to map.</param>
    /// <param name="order">The only size of ranges beside 4 KiB.</param>
    /// <param name="iommuBytes">Device addresses, if the device stands behind an IOMMU.</param>
    public SimulatedMachine(int pages, long mappedPages, PageOrder order, long iommuBytes = 0)
    {
        _device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = DeviceBytes, ComputeUnits = 1, IommuBytes = iommuBytes });
        Memory = new SimulatedHostMemory(new SimulatedHostOptions { Frames = pages });
        Host = new HostAddressSpace(Memory);
        Vm = new GpuVm(Host, _device, new GpuVmOptions
        {
            Placement = new SystemPlacement(),
            ChunkOrders = order == PageOrder.Small ? [PageOrder.Small] : [order, PageOrder.Small],
        });
        Mapped = AddressRange.OfPages(_start, mappedPages);
        Expect(Memory.Map(Mapped.Start, Mapped.Bytes));
    }

    /// <summary>The memory.</summary>
    public SimulatedHostMemory Memory { get; }

    /// <summary>The address space over it.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>The GPU's side of it.</summary>
    public GpuVm Vm { get; }

    /// <summary>What is mapped.</summary>
    public AddressRange Mapped { get; }

    /// <summary>The address of a mapped page.</summary>
    /// <param name="page">Its number.</param>
    public VirtualAddress At(long page) => Mapped.Start + (page * PageSize.Bytes);

    /// <summary>Brings pages into RAM one by one, in an order.</summary>
    /// <param name="pages">Their numbers.</param>
    public void Populate(IEnumerable<long> pages)
    {
        foreach (var page in pages)
            Expect(Host.Populate(AddressRange.OfPages(At(page), 1), MemoryAccess.Write));
    }

    /// <summary>The numbers 0 to count - 1 in an order of chance: pages that come to be in it lie scattered.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">The same seed gives the same order.</param>
    public static int[] Shuffled(int count, int seed)
    {
        var order = Enumerable.Range(0, count).ToArray();
        new Random(seed).Shuffle(order);
        return order;
    }

    /// <summary>Serves a write fault.</summary>
    /// <param name="address">The faulting address.</param>
    public void Fault(VirtualAddress address) => Expect(Vm.FaultHandler.Handle(new GpuFault(address, MemoryAccess.Write, Vm.AddressSpaceId, 0, 0)));

    /// <summary>Delivers an event that takes every device's access to an interval away and leaves the pages where they are.</summary>
    /// <param name="interval">The interval.</param>
    public void Invalidate(AddressRange interval)
    {
        Host.EnterEventGate();
        Host.ProtectionChanged(interval);
        Host.LeaveEventGate();
    }

    /// <summary>Refuses to go on measuring something that does not work.</summary>
    /// <param name="status">What a call has answered.</param>
    public static void Expect(SvmStatus status)
    {
        if (status != SvmStatus.Done)
            throw new InvalidOperationException($"The simulated machine answers {status}.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Vm.Dispose();
        _device.Dispose();
        Host.Dispose();
    }
}
