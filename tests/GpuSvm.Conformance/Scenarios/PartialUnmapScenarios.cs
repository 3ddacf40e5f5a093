// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>A part of memory that devices use goes: which part, what takes its place, whether the CPU has brought pages home before, and how the device goes on. Generated.</summary>
public static class PartialUnmapScenarios
{
    private const int Pages = 512;
    private static readonly Part _a = new("A", ..);

    /// <summary>Which pages go.</summary>
    private static readonly (string Name, int First, int Limit)[] _parts =
    [
        ("TheFirstHalfGoes", 0, 256), ("TheMiddleGoes", 128, 384), ("TheLastHalfGoes", 256, 512), ("OnePageGoes", 37, 38), ("AllButTheFirstPageGoes", 1, 512),
        ("AllButTheLastPageGoes", 0, 511), ("FourPagesInFrontGo", 2, 6),
    ];

    private static readonly bool[] _either = [false, true];

    /// <summary>The scenarios.</summary>
    public static IEnumerable<Scenario> All =>
        from part in _parts
        from anew in _either
        from cpu in _either
        from atomic in _either
        from prefetched in _either
        select Make(part, anew, cpu, atomic, prefetched);

    /// <summary>Makes one scenario.</summary>
    /// <param name="part">Which pages go.</param>
    /// <param name="anew">Whether new memory takes their place.</param>
    /// <param name="cpu">Whether the CPU reads in between, which brings pages home.</param>
    /// <param name="atomic">Whether the device goes on atomically.</param>
    /// <param name="prefetched">Whether the pages are brought to the device by a prefetch rather than by its faults.</param>
    /// <returns>The scenario.</returns>
    private static Scenario Make((string Name, int First, int Limit) part, bool anew, bool cpu, bool atomic, bool prefetched)
    {
        Part hole = _a[part.First..part.Limit];
        Part[] rest = [.. new[] { _a[..part.First], _a[part.Limit..Pages] }.Where(piece => piece.Pages.Start.Value < piece.Pages.End.Value)];
        var steps = new List<Step> { new Step.Map(_a, Pages), new Step.CpuWrite(_a, Seed: 1) };
        steps.Add(prefetched ? new Step.Prefetch(_a, Pages) : new Step.GpuWrite(_a, Seed: 2));
        steps.Add(new Step.Placed(_a, PagePlace.Device));
        if (cpu)
            steps.Add(new Step.CpuRead(_a));
        steps.Add(anew ? new Step.MapAnew(hole) : new Step.Unmap(hole));
        if (anew)
        {
            steps.Add(new Step.GpuRead(hole));
            steps.Add(new Step.GpuWrite(hole, Seed: 4));
        }
        else
        {
            steps.Add(new Step.GpuRefused(hole, SvmStatus.NotMapped, MemoryAccess.Read));
            steps.Add(new Step.Placed(hole, PagePlace.Unmapped));
        }

        foreach (Part piece in rest)
        {
            steps.Add(new Step.GpuRead(piece));
            steps.Add(atomic ? new Step.GpuAdd(piece, Amount: 3) : new Step.GpuWrite(piece, Seed: 5, Offset: 8));
            steps.Add(new Step.CpuRead(piece));
        }

        string name = $"{part.Name}{(anew ? "AndNewMemoryComes" : "")}{(cpu ? "AfterTheCpuRead" : "")}{(prefetched ? "AfterAPrefetch" : "")}{(atomic ? "AndTheDeviceAdds" : "")}";
        return new Scenario(name, part.First == 2 ? "igt partial; kfd PartialUnmapSysMem" : "igt partial", [.. steps]) { Needs = anew ? HostMemoryCapabilities.Remaps : 0 };
    }
}
