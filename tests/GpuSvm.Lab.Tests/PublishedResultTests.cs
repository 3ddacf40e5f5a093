// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Lab.Tests;

/// <summary>The far faults that UVM Smart's authors publish (ISCA 2019), from the access patterns alone, through Core's own fault handler and policies. docs/reproduced.md shows the same.</summary>
public sealed class PublishedResultTests
{
    [Theory]
    [InlineData("4K", "none", 3072)]
    [InlineData("64K", "none", 192)]
    [InlineData("64K", "tree", 36)]
    public void HotspotFaultsAsOftenAsPublished(string chunk, string prefetch, long published) => Assert.Equal(published, Faults("hotspot", 12 << 20, chunk, prefetch, 1));

    [Fact]
    public void ConvolutionFaultsAsOftenAsPublished() => Assert.Equal(24, Faults("2dconv", 8 << 20, "64K", "tree", 1));

    [Fact]
    public void RandomPrefetchIsWithinOnePercentOfThePublishedFaults()
    {
        const double published = 2137;
        long[] faults = [.. Enumerable.Range(1, 8).Select(seed => Faults("hotspot", 12 << 20, "4K", "random", seed))];
        Assert.InRange(faults.Average(), published * 0.99, published * 1.01);
        Assert.All(faults, one => Assert.InRange(one, published * 0.98, published * 1.02));
    }

    [Fact]
    public void TouchedInAnOrderOfChanceTheTreeFaultsEightyTimesOrSo()
    {
        Assert.Equal(192, Faults("shuffle", 12 << 20, "64K", "none", 1));
        Assert.InRange(Faults("shuffle", 12 << 20, "64K", "tree", 1), 72, 92);
    }

    /// <summary>The far faults of a workload on a device that holds it all.</summary>
    private static long Faults(string name, long bytes, string chunk, string prefetch, int seed)
    {
        IWorkload workload = WorkloadKinds.Find(name)!.Create(new WorkloadOptions { Bytes = bytes });
        Assert.Equal(bytes, workload.FootprintBytes);
        using var machine = new ReplayMachine(new ReplayOptions
        {
            DeviceMemoryBytes = [bytes * 2],
            FootprintBytes = bytes,
            Vm = new ReplayPolicies { Chunk = chunk, Prefetch = prefetch, Seed = seed }.Create(),
        });
        workload.Generate(machine);
        ReplayResult result = machine.Result();
        Assert.Equal(0, result.FailedAccesses);
        Assert.Equal(bytes, result.BytesToDevice); // Every page came, once.
        return result.DeviceFaults;
    }
}
