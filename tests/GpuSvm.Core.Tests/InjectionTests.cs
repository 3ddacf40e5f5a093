// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>Every operation that can fail does, at each of its hits: the bytes stay right, nothing leaks, the next try succeeds.</summary>
public sealed class InjectionTests
{
    private const int Pages = 1100;
    private const int Quiet = 512; // The CPU writes from this page on; what lies before is first touched by the GPU.

    /// <summary>The points that this scenario reaches; HostInjectionTests has the host's own.</summary>
    public static TheoryData<InjectionPoint, bool> Points
    {
        get
        {
            var points = new TheoryData<InjectionPoint, bool>();
            foreach (InjectionPoint point in Enum.GetValues<InjectionPoint>())
            {
                if (point is InjectionPoint.HostAllocate or InjectionPoint.HostFree or InjectionPoint.HostDiscard or InjectionPoint.AttributeAllocate)
                    continue;
                if (point != InjectionPoint.DmaReserve)
                    points.Add(point, false);
                if (point is InjectionPoint.DmaReserve or InjectionPoint.DmaMap or InjectionPoint.DeviceMap)
                    points.Add(point, true);
            }

            return points;
        }
    }

    [Theory]
    [MemberData(nameof(Points))]
    public void AFailureAtAnyHitOfAPointLosesNothing(InjectionPoint point, bool behindIommu)
    {
        long iommuBytes = behindIommu ? 16 << 20 : 0;
        Injection.Reset();
        Run(iommuBytes);
        long hits = Injection.Hits(point);
        Assert.True(hits > 0, $"The scenario never reaches {point}.");
        int step = (int)Math.Max(1, hits / 12);
        for (int nth = 1; nth <= hits; nth += step)
        {
            Injection.Reset();
            Injection.Arm(point, nth);
            Run(iommuBytes);
        }

        Injection.Reset();
    }

    /// <summary>Visits all of Core: first touch by both sides, migration both ways, eviction, mapping in RAM, prefetch, free; a second device that maps the first one's memory, takes
    /// pages from it, and is unplugged.</summary>
    private static void Run(long iommuBytes)
    {
        using var machine = new Machine(devicePages: 1024, iommuBytes: iommuBytes, vm: new GpuVmOptions { Placement = new MigrateHugeOnly() });
        using var peer = new PeerMachine(machine, iommuBytes: iommuBytes);
        AddressRange memory = machine.Allocate((long)Pages * PageSize.Bytes);
        for (int page = Pages - 1; page >= 1024 && iommuBytes != 0; page--)
            Try(() => machine.Host.Populate(AddressRange.OfPages(At(memory, page), 1), MemoryAccess.Write)); // Downward: a range there is of scattered pages.
        for (int page = Quiet; page < Pages; page += 7)
            Try(() => CpuStore(machine, memory, page, page + 1));
        for (int page = 0; page < Pages; page += 3)
            Try(() => machine.GpuWrite(At(memory, page) + 8, BitConverter.GetBytes((long)page)));
        Try(() => machine.Vm.Prefetch(memory, PrefetchTarget.System, out _));
        Try(() => machine.Vm.Prefetch(memory, PrefetchTarget.Device, out _));
        Try(() => peer.Fault(At(memory, 0), MemoryAccess.Read)); // Maps what it does not move.
        Try(() => peer.Vm.Prefetch(memory, PrefetchTarget.Device, out _));
        machine.Check();
        Try(() => peer.Vm.Unplug());
        for (int page = 0; page < Pages; page++)
        {
            long first = 0;
            Try(() => CpuLoad(machine, memory, page, 0, out first));
            Assert.Equal(page >= Quiet && (page - Quiet) % 7 == 0 ? page + 1 : 0, first);
            long second = 0;
            Try(() => CpuLoad(machine, memory, page, 8, out second));
            Assert.Equal(page % 3 == 0 ? page : 0, second);
        }
    }

    /// <summary>Moves whole huge ranges, and maps the small ones at the tail in RAM, so that both ways are taken.</summary>
    private sealed class MigrateHugeOnly : IPlacementPolicy
    {
        public bool ShouldMigrate(in PlacementFacts facts) => facts.Bytes >= PageSize.HugeBytes;
    }

    private static VirtualAddress At(AddressRange memory, int page) => memory.Start + ((long)page * PageSize.Bytes);

    private static SvmStatus CpuStore(Machine machine, AddressRange memory, int page, long value) =>
        machine.Memory.CpuWrite(At(memory, page), BitConverter.GetBytes(value));

    private static SvmStatus CpuLoad(Machine machine, AddressRange memory, int page, int offset, out long value)
    {
        byte[] bytes = new byte[8];
        SvmStatus status = machine.Memory.CpuRead(At(memory, page) + offset, bytes);
        value = BitConverter.ToInt64(bytes);
        return status;
    }

    /// <summary>Does a step; if the injected failure comes through, the second try must succeed.</summary>
    private static void Try(Func<SvmStatus> step)
    {
        SvmStatus status = step();
        if (status != SvmStatus.Done)
            status = step();
        Assert.Equal(SvmStatus.Done, status);
    }
}
