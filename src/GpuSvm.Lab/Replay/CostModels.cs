// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Replay;

/// <summary>The cost models there are. docs/replay.md says of each figure where it comes from, and which are assumed.</summary>
public static class CostModels
{
    private const string UvmSmartSource = "GTX 1080 Ti, PCIe 3: UVM Smart's configuration (ISCA 2019), 45 us a fault, 16 GB/s each way, page walk 100 cycles of 1481 MHz";
    private const string Pcie4Source = "a card behind PCIe 4 x16: 31.5 GB/s by the standard, batches of 256 faults as NVIDIA's open driver takes them, 20 us a batch";
    private const string Pcie5Source = "a card behind PCIe 5 x16: 63 GB/s by the standard, otherwise as pcie4 but for the device's memory";
    private const string XeSource = "Intel Xe with huge device pages: 26 us a fault of 2 MiB beside its copy at 19.8 GB/s (dri-devel, December 2025)";
    private const string XeSmallSource = "Intel Xe with small device pages: 743 us a fault of 2 MiB beside its copy at 9.4 GB/s (dri-devel, December 2025)";
    private const string CoherentSource = "a coherent link as Grace Hopper's: 375 GB/s to the device, 297 GB/s back, as quoted of measurements of 450 GB/s links; the rest as pcie4";

    /// <summary>All of them; the first is the default. Times are nanoseconds, speeds GB/s.</summary>
    public static IReadOnlyList<CostModel> All { get; } =
    [
        // Name, source          fault  handling, batch, under way   to the device, back, latency  set-up, walk, remote access   memory
        Row("uvm-smart", UvmSmartSource, 45_000, 0, 1, 1, 16, 16, 1_000, 0, 67.5, 1_000, 484),
        Row("pcie4", Pcie4Source, 20_000, 500, 256, 4096, 31.5, 31.5, 1_000, 500, 60, 1_000, 1555),
        Row("pcie5", Pcie5Source, 20_000, 500, 256, 4096, 63, 63, 1_000, 500, 60, 1_000, 3350),
        Row("xe", XeSource, 26_000, 0, 1, 1, 19.8, 19.8, 0, 0, 60, 1_000, 456),
        Row("xe-small", XeSmallSource, 743_000, 0, 1, 1, 9.4, 9.4, 0, 0, 60, 1_000, 456),
        Row("coherent", CoherentSource, 20_000, 500, 256, 4096, 375, 297, 500, 500, 60, 0, 3350),
    ];

    /// <summary>GTX 1080 Ti behind PCIe 3, as the simulator UVM Smart is configured: faults do not share a batch, and each costs 45 us.</summary>
    public static CostModel UvmSmart => All[0];

    /// <summary>Finds one.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The model; null if there is none of that name.</returns>
    public static CostModel? Find(string name) => All.FirstOrDefault(model => model.Name == name);

    /// <summary>A row of the table; what is assumed alike of all machines is said here: CPU faults, invalidations, RAM.</summary>
    /// <param name="name">As <see cref="CostModel.Name"/>.</param>
    /// <param name="source">As <see cref="CostModel.Source"/>.</param>
    /// <param name="fault">As <see cref="CostModel.FaultNanoseconds"/>.</param>
    /// <param name="handling">As <see cref="CostModel.FaultHandlingNanoseconds"/>.</param>
    /// <param name="batch">As <see cref="CostModel.BatchFaults"/>.</param>
    /// <param name="inFlight">As <see cref="CostModel.InFlightAccesses"/>.</param>
    /// <param name="toDevice">Of the link to the device, in GB/s.</param>
    /// <param name="toHost">Of the link back, in GB/s.</param>
    /// <param name="latency">Of a transfer on either, in nanoseconds.</param>
    /// <param name="setUp">As <see cref="CostModel.CopySetUpNanoseconds"/>.</param>
    /// <param name="walk">As <see cref="CostModel.PageWalkNanoseconds"/>.</param>
    /// <param name="remote">As <see cref="CostModel.RemoteAccessNanoseconds"/>.</param>
    /// <param name="memory">As <see cref="CostModel.DeviceGigabytesPerSecond"/>.</param>
    /// <returns>The model.</returns>
    private static CostModel Row(
        string name, string source, double fault, double handling, int batch, int inFlight, double toDevice, double toHost, double latency, double setUp, double walk, double remote, double memory) => new()
        {
            Name = name,
            Source = source,
            FaultNanoseconds = fault,
            FaultHandlingNanoseconds = handling,
            BatchFaults = batch,
            InFlightAccesses = inFlight,
            CpuFaultNanoseconds = 2_000,
            PageWalkNanoseconds = walk,
            CopySetUpNanoseconds = setUp,
            ToDevice = new LinkCost(latency, toDevice),
            ToHost = new LinkCost(latency, toHost),
            RemoteAccessNanoseconds = remote,
            InvalidationNanoseconds = 1_000,
            DeviceGigabytesPerSecond = memory,
            HostGigabytesPerSecond = 20,
        };
}
