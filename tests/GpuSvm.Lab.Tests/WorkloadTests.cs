// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Lab.Graphs;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>The generators: what they touch is theirs, and they are the same each time.</summary>
public sealed class WorkloadTests
{
    private const long Bytes = 1 << 20;

    public static TheoryData<string> Names { get; } = [.. WorkloadKinds.All.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryAccessLiesInAnArrayAndEveryArrayIsAccessed(string name)
    {
        IWorkload workload = Create(name);
        TraceRecorder trace = Record(workload);
        TraceMapping[] arrays = [.. trace.Records.OfType<TraceMapping>().Where(mapping => !mapping.IsUnmap)];
        var touched = new HashSet<string>();
        foreach (TraceAccess access in trace.Records.OfType<TraceAccess>())
        {
            TraceMapping array = Assert.Single(arrays, array => array.Interval.Contains(AddressRange.OfBytes(access.Address, access.Bytes)));
            if (access.Agent.IsDevice)
                touched.Add(array.Name);
        }

        Assert.Equal(arrays.Select(array => array.Name).Order(), touched.Order());
        Assert.Equal(arrays.Length, trace.Records.OfType<TraceMapping>().Count(mapping => mapping.IsUnmap));
        Assert.InRange(arrays.Sum(array => array.Interval.Bytes), workload.FootprintBytes, workload.FootprintBytes + (arrays.Length * PageSize.Bytes));
        Assert.InRange(workload.FootprintBytes, Bytes / 4, Bytes * 2);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void KernelsBeginAndEndInTurnAndDevicesAccessNothingOutsideThem(string name)
    {
        TraceRecorder trace = Record(Create(name));
        TraceKernel? running = null;
        int kernels = 0;
        foreach (object record in trace.Records)
        {
            if (record is TraceAccess access)
                Assert.Equal(access.Agent.IsDevice, running is not null);
            if (record is not TraceKernel kernel)
                continue;
            Assert.Equal(kernel.IsEnd, running is not null);
            Assert.Equal(running?.Id ?? kernel.Id, kernel.Id);
            running = kernel.IsEnd ? null : kernel;
            kernels++;
        }

        Assert.Null(running);
        Assert.True(kernels > 0);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ItIsTheSameEachTime(string name) => Assert.Equal(Record(Create(name)).Records, Record(Create(name)).Records);

    [Fact]
    public void BreadthFirstSearchReadsEachReachedRowOnce()
    {
        CsrGraph graph = CsrGraph.FromEdges(6, [0, 0, 1, 2, 3, 5], [1, 2, 3, 3, 4, 0], "six nodes");
        TraceRecorder trace = Record(WorkloadKinds.Find("bfs")!.Create(new WorkloadOptions { Graph = graph }));
        AddressRange edges = trace.Records.OfType<TraceMapping>().First(mapping => mapping.Name == "edges").Interval;
        long[] read = [.. trace.Records.OfType<TraceAccess>().Where(access => access.Agent.IsDevice && edges.Contains(access.Address)).Select(access => access.Address - edges.Start)];
        Assert.Equal([0, 8, 12, 16], read); // Rows 0, 1, 2, 3; node 4 has none, node 5 is not reached.
        Assert.Equal(4, trace.Records.OfType<TraceAccess>().Count(access => access.Kind == MemoryAccess.Atomic));
        Assert.Equal(4, trace.Records.OfType<TraceKernel>().Count(kernel => !kernel.IsEnd));
    }

    [Fact]
    public void TokensReadEveryLayerAndWhatWasKeptSoFar()
    {
        TraceRecorder trace = Record(WorkloadKinds.Find("llm")!.Create(new WorkloadOptions { Bytes = Bytes, Iterations = 3 }));
        AddressRange cache = trace.Records.OfType<TraceMapping>().First(mapping => mapping.Name == "KV cache").Interval;
        int[] reads = [.. Kernels(trace).Select(kernel => kernel.Count(access => access.Kind == MemoryAccess.Read && cache.Contains(access.Address)))];
        Assert.Equal(3 * 16, reads.Length);
        Assert.True(reads[0] < reads[16] && reads[16] < reads[32]);
    }

    /// <summary>The accesses of each kernel.</summary>
    private static List<List<TraceAccess>> Kernels(TraceRecorder trace)
    {
        var kernels = new List<List<TraceAccess>>();
        foreach (object record in trace.Records)
        {
            if (record is TraceKernel { IsEnd: false })
                kernels.Add([]);
            if (record is TraceAccess { Agent.IsDevice: true } access)
                kernels[^1].Add(access);
        }

        return kernels;
    }

    /// <summary>A workload in the size of these tests.</summary>
    private static IWorkload Create(string name) => WorkloadKinds.Find(name)!.Create(new WorkloadOptions { Bytes = Bytes, Iterations = 2 });

    /// <summary>Keeps what a workload generates.</summary>
    private static TraceRecorder Record(IWorkload workload)
    {
        var recorder = new TraceRecorder();
        workload.Generate(recorder);
        return recorder;
    }
}
