// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Tests;

/// <summary>Every operation that can fail does, at each of its hits, first to last: the bytes stay right, nothing leaks, the next try succeeds, no failure passes as success.</summary>
/// <remarks>GPUSVM_INJECTION_SCALE makes the scenarios so many times larger; the sweep grows with its square.</remarks>
public sealed class InjectionTests
{
    private static readonly int _scale = int.TryParse(Environment.GetEnvironmentVariable("GPUSVM_INJECTION_SCALE"), out int chosen) ? Math.Max(1, chosen) : 1;

    private static readonly InjectionPoint[] _points = Enum.GetValues<InjectionPoint>();

    public static TheoryData<string> Scenarios => [.. InjectionScenarios.All.Keys];

    /// <summary>Two failures in a row: the second one at each of its hits in the step in which the first one came.</summary>
    public static TheoryData<InjectionPoint, InjectionPoint> Pairs => new()
    {
        { InjectionPoint.CopyToDevice, InjectionPoint.HostAttach }, // The copy, and then giving back.
        { InjectionPoint.ClearDevice, InjectionPoint.HostAttach },
        { InjectionPoint.FenceWait, InjectionPoint.HostAttach },
        { InjectionPoint.HostDetach, InjectionPoint.HostAttach },
        { InjectionPoint.CopyToHost, InjectionPoint.HostStaging }, // The block, and then its page alone.
        { InjectionPoint.CopyToHost, InjectionPoint.CopyToHost },
        { InjectionPoint.HostStaging, InjectionPoint.HostStaging },
        { InjectionPoint.HostAttach, InjectionPoint.HostAttach },
        { InjectionPoint.HostPending, InjectionPoint.HostAttach },
        { InjectionPoint.DeviceAllocate, InjectionPoint.CopyToHost }, // No room, and then no eviction.
        { InjectionPoint.DeviceAllocate, InjectionPoint.WorkspaceAllocate },
        { InjectionPoint.CopyToPeer, InjectionPoint.FenceWait },
        { InjectionPoint.MapForPeer, InjectionPoint.FenceWait },
        { InjectionPoint.CopyToDevice, InjectionPoint.DmaMap }, // No migration, and then no mapping in RAM.
        { InjectionPoint.CopyToDevice, InjectionPoint.HostQuery },
        { InjectionPoint.PagemapRevive, InjectionPoint.PagemapCreate },
        { InjectionPoint.RangeAllocate, InjectionPoint.PageTablePrepare },
        { InjectionPoint.UnplugEvict, InjectionPoint.CopyToHost },
    };

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void AFailureAtAnyHitOfAnyPointLosesNothing(string scenario)
    {
        var failures = new List<string>();
        foreach ((InjectionPoint point, long hits) in HitsOf(scenario))
        {
            for (long nth = 1; nth <= hits; nth++)
                Sweep(failures, scenario, new InjectedRun(point), (point, nth));
        }

        Report(failures);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void TwoFailuresInOneStepLoseNothing(InjectionPoint first, InjectionPoint second)
    {
        var failures = new List<string>();
        bool isAny = false;
        foreach (string scenario in InjectionScenarios.All.Keys)
        {
            Dictionary<InjectionPoint, long> hits = HitsOf(scenario);
            for (long nth = 1; nth <= hits.GetValueOrDefault(first) && hits.ContainsKey(second); nth++)
            {
                var probe = new InjectedRun([.. new[] { first, second }.Distinct()]);
                Sweep(failures, scenario, probe, (first, nth));
                for (long hit = probe.Failing.Before + 1; hit <= probe.Failing.After; hit++)
                {
                    if (first == second && hit == nth)
                        continue;
                    isAny = true;
                    Sweep(failures, scenario, new InjectedRun([.. new[] { first, second }.Distinct()]), (first, nth), (second, hit));
                }
            }
        }

        Report(failures);
        Assert.True(isAny, "No step reaches both.");
    }

    [Fact]
    public void EveryPointIsReachedByAScenario()
    {
        HashSet<InjectionPoint> reached = [.. InjectionScenarios.All.Keys.SelectMany(scenario => HitsOf(scenario).Keys)];
        Assert.Empty(_points.Except(reached));
    }

    /// <summary>Runs a scenario in which nothing fails.</summary>
    private static Dictionary<InjectionPoint, long> HitsOf(string scenario)
    {
        Injection.Reset();
        InjectionScenarios.All[scenario](new InjectedRun(), _scale);
        return _points.Where(point => Injection.Hits(point) > 0).ToDictionary(point => point, Injection.Hits);
    }

    /// <summary>Runs a scenario in which something fails, and notes what is wrong then.</summary>
    private static void Sweep(List<string> failures, string scenario, InjectedRun run, params (InjectionPoint Point, long Nth)[] armed)
    {
        Injection.Reset();
        foreach ((InjectionPoint point, long nth) in armed)
            Injection.Arm(point, nth);
        try
        {
            InjectionScenarios.All[scenario](run, _scale);
            if (armed.Length == 1 && Injection.Waiting(armed[0].Point) > 0)
                failures.Add($"{scenario}, {armed[0]}: never came");
        }
        catch (Exception exception) when (failures.Count < 20)
        {
            failures.Add($"{scenario}, {string.Join(" and ", armed)}: {exception.Message} {exception.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("GpuSvm.", StringComparison.Ordinal) && !line.Contains("InjectedRun.Try", StringComparison.Ordinal))}");
        }
        finally
        {
            Injection.Reset();
        }
    }

    private static void Report(List<string> failures) => Assert.True(failures.Count == 0, string.Join('\n', failures));
}
