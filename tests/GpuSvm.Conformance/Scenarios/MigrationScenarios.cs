// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>Pages that travel: prefetched, evicted, faulted, read-only.</summary>
public static class MigrationScenarios
{
    private static readonly Part _a = new("A", ..);
    private static readonly Part _b = new("B", ..);
    private static readonly Part _c = new("C", ..);

    private static readonly Range[] _cuts = [4..12, 8..16, 12..16, 0..8, 0..16];
    private static readonly bool[] _either = [false, true];

    /// <summary>The scenarios.</summary>
    public static IEnumerable<Scenario> All =>
    [
        new("ADeviceCopiesFromRamToRam", "kfd BasicSystemMem", new Step.Map(_a, 1), new Step.Map(_b, 1), new Step.CpuWrite(_a), new Step.GpuCopy(_a, _b), new Step.CpuRead(_b)) { InRam = true },
        new("ADeviceCopiesThereAndBackThroughItsMemory", "kfd BasicVram",
            new Step.Map(_a, 1), new Step.Map(_b, 1), new Step.Map(_c, 1), new Step.CpuWrite(_a), new Step.Prefetch(_b, 1), new Step.GpuCopy(_a, _b), new Step.GpuCopy(_b, _c), new Step.CpuRead(_c)),
        new("PagesGoToTheDeviceAndComeHomeAgainAndAgain", "kfd Migrate",
            [new Step.Map(_a, 1024), .. Enumerable.Range(0, 4).SelectMany(round => new Step[]
            {
                new Step.Prefetch(_a, 1024), new Step.GpuWrite(_a, Seed: 30 + round), new Step.PrefetchHome(_a, 1024), new Step.Placed(_a, PagePlace.Ram), new Step.CpuRead(_a),
                new Step.GpuWrite(_a[..512], Seed: 40 + round), new Step.CpuRead(_a),
                new Step.Evict(),
            })]),
        new("APrefetchOfHalfSaysWhatWasThere", "kfd Prefetch",
            new Step.Map(_a, 1024), new Step.CpuWrite(_a), new Step.PrefetchHome(_a, 0, 1024), new Step.Prefetch(_a[..512], 512), new Step.Placed(_a[..512], PagePlace.Device),
            new Step.Placed(_a[512..], PagePlace.Ram), new Step.Prefetch(_a, 512, 512), new Step.Placed(_a, PagePlace.Device), new Step.Prefetch(_a, 0, 1024),
            new Step.Unmap(_a[512..]), new Step.PrefetchRefused(_a[512..], SvmStatus.NotMapped), new Step.GpuRead(_a[..512])),
        new("TheDeviceWritesPagesThatStayInRam", "kfd MigrateAccessInPlace",
            new Step.Map(_a, 1024), new Step.Advise(_a, new MemoryAdvice { NeverMigrate = true }), new Step.CpuWrite(_a), new Step.GpuWrite(_a, Seed: 0x55), new Step.Placed(_a, PagePlace.Ram),
            new Step.CpuRead(_a), new Step.CpuWrite(_a, Seed: 0x2A, Every: 1024), new Step.GpuRead(_a, Every: 1024)),
        new("ALargeMemoryGoesEachWay", "kfd MigrateLargeBuf",
            new Step.Map(_a, 2048), new Step.CpuWrite(_a), new Step.Prefetch(_a, 2048), new Step.GpuWrite(_a, Seed: 3), new Step.PrefetchHome(_a, 2048), new Step.CpuRead(_a),
            new Step.CpuWrite(_a, Seed: 4), new Step.Prefetch(_a, 2048), new Step.GpuRead(_a)),
        new("TheCpuReadsAndWritesWhatIsOnTheDeviceAndTheDeviceReadsIt", "kfd MigratePolicy",
            new Step.Map(_a, 256), new Step.GpuWrite(_a), new Step.Placed(_a, PagePlace.Device), new Step.CpuRead(_a), new Step.CpuWrite(_a, Seed: 8), new Step.GpuRead(_a)),
        new("FaultsPrefetchesAndCpuReadsMeet", "kfd MultiThreadMigration; igt fault benchmarks; igt fault-mode RACE; igt allocator RACE",
            new Step.Map(_a, 1024), new Step.CpuWrite(_a),
            new Step.Together([new Step.CpuRead(_a), new Step.CpuRead(_a)], [new Step.Evict(), new Step.Evict()], [new Step.CpuWrite(_a, Seed: 9, Offset: 8), new Step.CpuRead(_a, Offset: 8)]),
            new Step.GpuWrite(_a, Seed: 4), new Step.Together([new Step.CpuRead(_a)], [new Step.Evict()], [new Step.CpuWrite(_a, Seed: 6, Offset: 16)]),
            new Step.GpuRead(_a), new Step.GpuRead(_a, Offset: 8), new Step.GpuRead(_a, Offset: 16)),
        new("AReadOnlyPageIsReadAndNotWritten", "kfd ReadOnlyRange; igt allocator READ_ONLY_REMAP",
            new Step.Map(_a, 4), new Step.CpuWrite(_a), new Step.Protect(_a, Writable: false), new Step.GpuRead(_a), new Step.GpuRefused(_a, SvmStatus.ReadOnly),
            new Step.Protect(_a, Writable: true), new Step.GpuWrite(_a), new Step.CpuRead(_a)) { NeedsProtection = true },
        new("APrefetchTakesPagesThatNobodyHasTouchedToo", "kfd PrefaultPartialRange",
            new Step.Map(_a, 4), new Step.CpuWrite(_a[1..3]), new Step.Prefetch(_a, 4), new Step.GpuWrite(_a[0], Seed: 1), new Step.GpuWrite(_a[3], Seed: 4), new Step.Faults(0), new Step.CpuRead(_a)),
        new("AnEighthMoreThanTheDeviceHoldsIsUsed", "igt evict; kfd VramOvercommit",
            [.. Overcommit(9, 256), new Step.Evicted(), .. Enumerable.Range(0, 9).Select(piece => new Step.CpuRead(Piece(piece)))]) { DevicePages = 2048 },
        new("OneMemoryIsLargerThanTheDevice", "kfd VramOvercommit Giant",
            new Step.Map(_a, 1536), new Step.CpuWrite(_a), new Step.GpuWrite(_a), new Step.Evicted(), new Step.GpuRead(_a), new Step.CpuRead(_a)) { DevicePages = 1024 },
        new("TwoSpacesFillTheirDevicesOneAndAHalfTimes", "kfd KFDSVMEvict; igt processes-evict",
            new Step.Map(_a, 1536), new Step.Map(_b, 1536),
            new Step.Together([new Step.GpuWrite(_a, Seed: 5), new Step.GpuRead(_a)], [new Step.GpuWrite(_b, Seed: 6, Gpu: 1), new Step.GpuRead(_b, Gpu: 1)]),
            new Step.Evicted(), new Step.Evicted(1), new Step.GpuRead(_a, Gpu: 1), new Step.GpuRead(_b)) { Gpus = 2, Apart = true, DevicePages = 1024 },
        new("AForkedChildLeavesTheDevicesPagesAlone", "kfd EvictSystemRange; igt allocator FORK_READ",
            new Step.Map(_a, 16), new Step.CpuWrite(_a), new Step.GpuRead(_a), new Step.ChildGetsNothing(_a), new Step.CpuWrite(_a, Seed: 0xD), new Step.GpuRead(_a)) { NeedsChildren = true },
        .. from cut in _cuts from there in _either select Overlap(cut, there),
    ];

    /// <summary>Says something of overlapping parts, which splits what is known of the memory.</summary>
    private static Scenario Overlap(Range cut, bool there)
    {
        MemoryAdvice advice = new() { Preferred = PreferredLocation.OnDevice(0) };
        Step[] first = there ? [new Step.Prefetch(_a, 16)] : [new Step.GpuRead(_a)];
        return new Scenario($"AdviceOnPages{cut.Start}To{cut.End}SplitsWhatIs{(there ? "OnTheDevice" : "InRam")}", there ? "kfd SplitVramRange" : "kfd SplitSystemRange",
            [new Step.Map(_a, 16), new Step.CpuWrite(_a), .. first, new Step.Advise(_a[cut], advice), new Step.Advised(_a[cut], advice), new Step.GpuWrite(_a), new Step.CpuRead(_a),
            new Step.Unmap(_a[cut]), new Step.GpuRefused(_a[cut], SvmStatus.NotMapped)]) { InRam = !there };
    }

    /// <summary>Pieces that together are more than the device holds, each used by the CPU and the device.</summary>
    private static IEnumerable<Step> Overcommit(int pieces, int pages) => Enumerable.Range(0, pieces).SelectMany(piece => new Step[]
    {
        new Step.Map(Piece(piece), pages), new Step.CpuWrite(Piece(piece)), new Step.GpuWrite(Piece(piece), Offset: 8),
    });

    /// <summary>One of many pieces.</summary>
    private static Part Piece(int number) => new($"P{number}", ..);
}
