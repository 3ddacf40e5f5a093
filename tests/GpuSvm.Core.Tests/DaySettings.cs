// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>The machine of a day's history: sizes, chunks and policies, drawn from its seed.</summary>
/// <param name="Pages">Memory of the three devices in pages.</param>
/// <param name="IommuBytes">Device addresses of each, if they stand behind IOMMUs.</param>
/// <param name="IsStranger">Whether the third device cannot reach the others' memory.</param>
/// <param name="Both">Options of the VM with two devices.</param>
/// <param name="Alone">Options of the third device's VM.</param>
internal sealed record DaySettings(int[] Pages, long IommuBytes, bool IsStranger, GpuVmOptions Both, GpuVmOptions Alone)
{
    private static readonly int[] _sizes = [3, 40, 300, 1100, 1600];

    /// <summary>Draws a machine.</summary>
    /// <param name="seed">The seed.</param>
    public static DaySettings Draw(int seed)
    {
        var random = new Random(~seed);
        int[] pages = random.Next(2) == 0 ? [1100 + random.Next(600), 1100, 1300] : [.. Enumerable.Range(0, 3).Select(_ => _sizes[random.Next(_sizes.Length)])];
        return new DaySettings(pages, random.Next(3) == 0 ? 32L << 20 : 0, random.Next(2) == 0, DrawVm(random), DrawVm(random));
    }

    /// <summary>An eviction policy.</summary>
    public static IEvictionPolicy Eviction(int drawn) => (drawn % 6) switch
    {
        0 => new ClockEviction(),
        1 => new FaultOrderEviction(),
        2 => new FifoEviction(),
        3 => new RandomEviction(drawn),
        4 => new TreeEviction(),
        _ => new UseEviction(),
    };

    /// <summary>The machine in words.</summary>
    public override string ToString() =>
        $"devices of {string.Join(", ", Pages)} pages, IOMMU {IommuBytes}, stranger {IsStranger};{Environment.NewLine}  two: {Describe(Both)}{Environment.NewLine}  alone: {Describe(Alone)}";

    private static GpuVmOptions DrawVm(Random random) => new()
    {
        ChunkOrders = random.Next(3) switch { 0 => [PageOrder.Medium, PageOrder.Small], 1 => [PageOrder.Small], _ => [PageOrder.Huge, PageOrder.Medium, PageOrder.Small] },
        PartialUnmap = random.Next(2) == 0 ? PartialUnmapMode.Split : PartialUnmapMode.Kill,
        CheckPagesBytes = random.Next(2) * PageOrder.Medium.Bytes,
        ShareMappings = random.Next(3) == 0,
        Placement = random.Next(4) == 0 ? new Machine.AlwaysMigrate() : new FirstTouchPlacement(),
        Thrash = random.Next(4) switch { 0 => null, 1 => new BackOffThrash(), _ => new WindowThrash() },
        Prefetch = random.Next(6) switch
        {
            0 => new SequentialPrefetch(),
            1 => new TreePrefetch(),
            2 => new StridePrefetch(),
            3 => new AdaptivePrefetch(),
            4 => new WholeRangePrefetch(),
            _ => null,
        },
        Timeslice = TimeSpan.FromMilliseconds(random.Next(2) * 5),
    };

    private static string Describe(GpuVmOptions vm) =>
        $"chunks {string.Join("/", vm.ChunkOrders.Select(order => order.Value))}, {vm.PartialUnmap}, check {vm.CheckPagesBytes}, share {vm.ShareMappings}, {vm.Placement.GetType().Name}, {vm.Thrash?.GetType().Name ?? "no thrash control"}, "
        + $"{vm.Prefetch?.GetType().Name ?? "no prefetch"}, time slice {vm.Timeslice.TotalMilliseconds} ms";
}
