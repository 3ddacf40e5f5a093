// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Replay;

/// <summary>The cost models there are. docs/replay.md says of each figure where it comes from, and which are assumed.</summary>
public static class CostModels
{
    /// <summary>GTX 1080 Ti behind PCIe 3, as the simulator UVM Smart is configured: faults do not share a batch, and each costs 45 us.</summary>
    public static CostModel UvmSmart { get; } = new()
    {
        Name = "uvm-smart",
        Source = "GTX 1080 Ti, PCIe 3: UVM Smart's configuration (ISCA 2019), 45 us a fault, 16 GB/s each way, page walk 100 cycles of 1481 MHz",
        FaultNanoseconds = 45_000,
        CpuFaultNanoseconds = 2_000,
        PageWalkNanoseconds = 67.5,
        CopySetUpNanoseconds = 0,
        ToDevice = new LinkCost(1_000, 16),
        ToHost = new LinkCost(1_000, 16),
        RemoteAccessNanoseconds = 1_000,
        InvalidationNanoseconds = 1_000,
        DeviceGigabytesPerSecond = 484,
        HostGigabytesPerSecond = 20,
    };

    /// <summary>A card behind PCIe 4 with a driver that takes faults in batches of 256.</summary>
    public static CostModel Pcie4 { get; } = new()
    {
        Name = "pcie4",
        Source = "a card behind PCIe 4 x16: 31.5 GB/s by the standard, batches of 256 faults as NVIDIA's open driver takes them, 20 us a batch",
        FaultNanoseconds = 20_000,
        FaultHandlingNanoseconds = 500,
        BatchFaults = 256,
        InFlightAccesses = 4096,
        CpuFaultNanoseconds = 2_000,
        PageWalkNanoseconds = 60,
        CopySetUpNanoseconds = 500,
        ToDevice = new LinkCost(1_000, 31.5),
        ToHost = new LinkCost(1_000, 31.5),
        RemoteAccessNanoseconds = 1_000,
        InvalidationNanoseconds = 1_000,
        DeviceGigabytesPerSecond = 1555,
        HostGigabytesPerSecond = 20,
    };

    /// <summary>The same behind PCIe 5, with faster memory.</summary>
    public static CostModel Pcie5 { get; } = Pcie4 with
    {
        Name = "pcie5",
        Source = "a card behind PCIe 5 x16: 63 GB/s by the standard, otherwise as pcie4 but for the device's memory",
        ToDevice = new LinkCost(1_000, 63),
        ToHost = new LinkCost(1_000, 63),
        DeviceGigabytesPerSecond = 3350,
    };

    /// <summary>Intel Xe with huge device pages.</summary>
    public static CostModel Xe { get; } = new()
    {
        Name = "xe",
        Source = "Intel Xe with huge device pages: 26 us a fault of 2 MiB beside its copy at 19.8 GB/s (dri-devel, December 2025)",
        FaultNanoseconds = 26_000,
        CpuFaultNanoseconds = 2_000,
        PageWalkNanoseconds = 60,
        CopySetUpNanoseconds = 0,
        ToDevice = new LinkCost(0, 19.8),
        ToHost = new LinkCost(0, 19.8),
        RemoteAccessNanoseconds = 1_000,
        InvalidationNanoseconds = 1_000,
        DeviceGigabytesPerSecond = 456,
        HostGigabytesPerSecond = 20,
    };

    /// <summary>Intel Xe before that: the CPU works for each page of 4 KiB.</summary>
    public static CostModel XeSmallPages { get; } = Xe with
    {
        Name = "xe-small",
        Source = "Intel Xe with small device pages: 743 us a fault of 2 MiB beside its copy at 9.4 GB/s (dri-devel, December 2025)",
        FaultNanoseconds = 743_000,
        ToDevice = new LinkCost(0, 9.4),
        ToHost = new LinkCost(0, 9.4),
    };

    /// <summary>A device that reaches RAM coherently, at a large part of its speed.</summary>
    public static CostModel Coherent { get; } = Pcie4 with
    {
        Name = "coherent",
        Source = "a coherent link as Grace Hopper's: 375 GB/s to the device, 297 GB/s back, as quoted of measurements of 450 GB/s links; the rest as pcie4",
        ToDevice = new LinkCost(500, 375),
        ToHost = new LinkCost(500, 297),
        RemoteAccessNanoseconds = 0,
        DeviceGigabytesPerSecond = 3350,
    };

    /// <summary>All of them; the first is the default.</summary>
    public static IReadOnlyList<CostModel> All { get; } = [UvmSmart, Pcie4, Pcie5, Xe, XeSmallPages, Coherent];

    /// <summary>Finds one.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The model; null if there is none of that name.</returns>
    public static CostModel? Find(string name) => All.FirstOrDefault(model => model.Name == name);
}
