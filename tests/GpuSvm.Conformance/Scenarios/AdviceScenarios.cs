// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>What the program says of its memory, and what comes of it.</summary>
public static class AdviceScenarios
{
    private static readonly Part _a = new("A", ..);
    private static readonly MemoryAdvice _ram = new() { Preferred = PreferredLocation.System };
    private static readonly MemoryAdvice _device = new() { Preferred = PreferredLocation.OnDevice(0) };

    private static readonly int[] _orders = [0, 4, 9];

    /// <summary>The scenarios.</summary>
    public static IEnumerable<Scenario> All =>
    [
        new("NothingIsAdvisedAtFirst", "kfd SetGetAttributes", new Step.Map(_a, 512), new Step.Advised(_a, default), new Step.Placed(_a, PagePlace.Nowhere)),
        new("WhatIsAdvisedOfOnePageIsReadBackThere", "kfd SetGetAttributes",
            new Step.Map(_a, 16),
            new Step.Advise(_a[3], new MemoryAdvice { Granularity = new PageOrder(0x3F), AccessedBy = 1, IsReadMostly = true, Atomics = AtomicMode.Global }),
            new Step.Advised(_a[3], new MemoryAdvice { Granularity = new PageOrder(0x3F), AccessedBy = 1, IsReadMostly = true, Atomics = AtomicMode.Global }),
            new Step.Advised(_a[..3], default), new Step.Advised(_a[4..], default)),
        new("PreferringRamKeepsPagesThere", "igt madvise",
            new Step.Map(_a, 512), new Step.CpuWrite(_a), new Step.Advise(_a, _ram), new Step.GpuWrite(_a), new Step.Placed(_a, PagePlace.Ram), new Step.CpuRead(_a)),
        new("PreferringTheDeviceBringsPagesThere", "igt madvise",
            new Step.Map(_a, 512), new Step.CpuWrite(_a), new Step.Advise(_a, _device), new Step.GpuWrite(_a), new Step.Placed(_a, PagePlace.Device), new Step.CpuRead(_a))
        { InRam = true },
        new("AdviceOnHalfOfTheMemoryMovesThatHalf", "igt madvise; igt pat-index",
            new Step.Map(_a, 1024), new Step.CpuWrite(_a), new Step.Advise(_a[512..], _ram), new Step.GpuWrite(_a),
            new Step.Placed(_a[..512], PagePlace.Device), new Step.Placed(_a[512..], PagePlace.Ram), new Step.Advised(_a[..512], default), new Step.Advised(_a[512..], _ram)),
        new("OverlappingAdviceIsTheLastOnesEverywhere", "igt pat-index",
            new Step.Map(_a, 512), new Step.Advise(_a[..256], _ram), new Step.Advise(_a[128..384], _device), new Step.Advise(_a[192..256], default),
            new Step.Advised(_a[..128], _ram), new Step.Advised(_a[128..192], _device), new Step.Advised(_a[192..256], default), new Step.Advised(_a[256..384], _device),
            new Step.Advised(_a[384..], default), new Step.GpuWrite(_a), new Step.CpuRead(_a)),
        new("AdviceStaysWhenPagesMove", "igt madvise",
            new Step.Map(_a, 512), new Step.Advise(_a, _device), new Step.GpuWrite(_a), new Step.CpuRead(_a), new Step.Evict(), new Step.Advised(_a, _device),
            new Step.Unmap(_a[..256]), new Step.Advised(_a, _device)),
        .. from order in _orders select Granularity(order),
        .. from mode in Enum.GetValues<AtomicMode>() select Atomics(mode),
    ];

    /// <summary>One touch brings as much as is advised.</summary>
    private static Scenario Granularity(int order)
    {
        int together = 1 << order;
        Step[] rest = together == 512 ? [] : [new Step.Placed(_a[together..], PagePlace.Ram)];
        return new Scenario($"OneTouchMoves{together}Pages", "kfd MigrateGranularity",
            [new Step.Map(_a, 512), new Step.CpuWrite(_a), new Step.Advise(_a, new MemoryAdvice { Granularity = new PageOrder((byte)order) }),
            new Step.GpuWrite(_a[0]), new Step.Placed(_a[..together], PagePlace.Device), .. rest, new Step.Faults(1), new Step.GpuRead(_a), new Step.Faults((512 / together) - 1),
            new Step.CpuRead(_a)]);
    }

    /// <summary>The device adds under an advice on atomics: refused where they are to hold among CPU threads only, with every byte as it was.</summary>
    private static Scenario Atomics(AtomicMode mode)
    {
        Step[] adds = mode == AtomicMode.System
            ? [new Step.GpuRefused(_a, SvmStatus.AccessDenied, MemoryAccess.Atomic), new Step.GpuWrite(_a), new Step.GpuRefused(_a, SvmStatus.AccessDenied, MemoryAccess.Atomic)]
            : [new Step.GpuAdd(_a), new Step.CpuRead(_a), new Step.GpuAdd(_a, Amount: 5)];
        return new Scenario(
            $"TheDevice{(mode == AtomicMode.System ? "MayNotAdd" : "Adds")}UnderAtomics{mode}", "igt madvise atomics",
            [new Step.Map(_a, 16), new Step.CpuWrite(_a), new Step.Advise(_a, new MemoryAdvice { Atomics = mode }), .. adds, new Step.CpuRead(_a)]);
    }
}
