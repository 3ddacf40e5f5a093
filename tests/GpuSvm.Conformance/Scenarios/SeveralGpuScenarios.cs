// SPDX-License-Identifier: MIT
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>Two or three devices and one memory: in one address space of the devices, or in one each. Generated.</summary>
public static class SeveralGpuScenarios
{
    private static readonly Part _a = new("A", ..);
    private static readonly Part _b = new("B", ..);

    private static readonly bool[] _either = [false, true];
    private static readonly int[] _sizes = [16, 512];

    /// <summary>The scenarios.</summary>
    public static IEnumerable<Scenario> All =>
        from apart in _either
        from pages in _sizes
        from ram in _either
        from scenario in Make(apart, pages, ram)
        select scenario with { Name = $"{scenario.Name}Of{pages}Pages{(apart ? "FromSpacesOfTheirOwn" : "")}{(ram ? "InRam" : "")}", Apart = apart, InRam = ram };

    /// <summary>The scenarios of one kind of machine.</summary>
    private static IEnumerable<Scenario> Make(bool apart, int pages, bool ram)
    {
        yield return new Scenario("WhatOneDeviceCopiedTheOtherCopiesBack", "igt multigpu xgpu-access; kfd MultiGPUAccessInPlace",
            new Step.Map(_a, pages), new Step.Map(_b, pages), new Step.CpuWrite(_a), new Step.GpuCopy(_a, _b), new Step.GpuRead(_b, Gpu: 1), new Step.GpuCopy(_b, _a, Gpu: 1),
            new Step.CpuRead(_a)) { Gpus = 2 };
        yield return new Scenario("BothDevicesAddToTheSameNumbers", "igt multigpu atomic-op; igt multigpu concurrent-access",
            new Step.Map(_a, pages), new Step.CpuWrite(_a), new Step.GpuAdd(_a), new Step.GpuAdd(_a, Gpu: 1), new Step.CpuRead(_a), new Step.GpuAdd(_a, Amount: 200),
            new Step.GpuAdd(_a, Amount: 200, Gpu: 1), new Step.CpuRead(_a)) { Gpus = 2 };
        yield return new Scenario("EachDeviceSeesWhatTheOtherWrote", "igt multigpu coherency",
            new Step.Map(_a, pages), new Step.GpuWrite(_a, Seed: 60), new Step.GpuRead(_a, Gpu: 1), new Step.GpuWrite(_a, Seed: 61, Gpu: 1), new Step.GpuRead(_a),
            new Step.CpuRead(_a), new Step.CpuWrite(_a, Seed: 62), new Step.GpuRead(_a), new Step.GpuRead(_a, Gpu: 1)) { Gpus = 2 };
        yield return new Scenario("PagesPrefetchedToOneDeviceAfterTheOtherNeedNoFault", "igt multigpu pagefault; igt multigpu migration; igt prefetch-fault; kfd MultiGPUMigration",
            new Step.Map(_a, pages), new Step.CpuWrite(_a), new Step.Prefetch(_a, pages), new Step.GpuRead(_a), new Step.Faults(0), new Step.Prefetch(_a, pages, Gpu: 1),
            new Step.Placed(_a, PagePlace.Device, Gpu: 1), new Step.GpuWrite(_a, Seed: 5, Gpu: 1), new Step.Faults(0, Gpu: 1), new Step.PrefetchHome(_a, apart ? 0 : pages, apart ? pages : 0),
            new Step.CpuRead(_a)) { Gpus = 2 };
        Step[][] stores = [.. Enumerable.Range(0, 3).Select(gpu => new Step[] { new Step.GpuWrite(_a, Seed: 70 + gpu, Offset: 8 + (gpu * 8), Gpu: gpu) })];
        Step[] writes = ram ? [new Step.Together(stores)] : [.. stores.SelectMany(store => store)]; // Pages that move would move away from under the pointer that a step has looked up.
        yield return new Scenario($"ThreeDevicesWriteTheirParts{(ram ? "AtOnce" : "InTurn")}", "igt multigpu concurrent-access",
            [new Step.Map(_a, pages), new Step.CpuWrite(_a), .. writes, new Step.GpuRead(_a, Offset: 24), new Step.GpuRead(_a, Offset: 16, Gpu: 1), new Step.GpuRead(_a, Offset: 8, Gpu: 2),
            new Step.CpuRead(_a, Offset: 8)]) { Gpus = 3 };
        yield return new Scenario("AHoleIsAHoleForBothDevices", "igt multigpu migration",
            new Step.Map(_a, pages), new Step.GpuWrite(_a), new Step.GpuRead(_a, Gpu: 1), new Step.Unmap(_a[4..8]), new Step.GpuRefused(_a[4..8], Core.SvmStatus.NotMapped),
            new Step.GpuRefused(_a[4..8], Core.SvmStatus.NotMapped, Gpu: 1), new Step.GpuRead(_a[8..]), new Step.GpuRead(_a[..4], Gpu: 1), new Step.CpuRead(_a[8..])) { Gpus = 2 };
    }
}
