// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>Where the far faults of a replay fall: taken from its log.</summary>
internal sealed class FaultWalk : ITraceSink
{
    private readonly HashSet<ulong> _touched = [];
    private readonly List<AddressRange> _coming = []; // What has moved since the last fault was done.

    /// <summary>Pages that the device had touched when each fault was served, with the faulting page.</summary>
    public List<int> PagesAtFault { get; } = [];

    /// <summary>Which fault, from 0, brought each page to the device.</summary>
    public Dictionary<ulong, int> BroughtBy { get; } = [];

    /// <summary>The pages that the device has touched, in order of their first touch.</summary>
    public List<ulong> Order { get; } = [];

    /// <summary>Replays a workload on a device that holds it all.</summary>
    /// <param name="name">The workload.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="policies">The policies.</param>
    public static FaultWalk Of(string name, long bytes, ReplayPolicies policies)
    {
        var walk = new FaultWalk();
        IWorkload workload = WorkloadKinds.Find(name)!.Create(new WorkloadOptions { Bytes = bytes });
        using ReplayMachine machine = new ReplaySettings { Policies = policies }.Build(workload, walk);
        workload.Generate(machine);
        Assert.Equal(machine.Result().DeviceFaults, walk.PagesAtFault.Count);
        return walk;
    }

    public void Access(in TraceAccess access)
    {
        if (!access.Agent.IsDevice)
            return;
        for (ulong page = access.Address.PageNumber; page <= (access.Address + (access.Bytes - 1)).PageNumber; page++)
        {
            if (_touched.Add(page))
                Order.Add(page);
        }
    }

    public void Event(in SvmEvent one)
    {
        if (one.Kind == SvmEventKind.GpuFault)
            PagesAtFault.Add(_touched.Count);
        if (one.Kind == SvmEventKind.Migration && one.To >= 0)
            _coming.Add(AddressRange.OfBytes(one.Address, one.Bytes));
        if (one.Kind != SvmEventKind.GpuFault)
            return;
        foreach (AddressRange interval in _coming)
        {
            for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
                BroughtBy.TryAdd(page, PagesAtFault.Count - 1);
        }

        _coming.Clear();
    }

    public void Kernel(in TraceKernel kernel)
    {
    }

    public void Mapping(in TraceMapping mapping)
    {
    }

    public void Advice(in TraceAdvice advice)
    {
    }

    public void Prefetch(in TracePrefetch prefetch)
    {
    }

    public void Bind(in TraceBind bind)
    {
    }
}
