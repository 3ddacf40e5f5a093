// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Vm;
using GpuSvm.Lab.Explaining;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>Where suggestions go in a trace.</summary>
public sealed class AdvisedSinkTests : ITraceSink
{
    private readonly List<string> _order = [];
    private string _kernel = "";

    [Fact]
    public void AdviceGoesInFrontAndPrefetchesBeforeTheirKernels()
    {
        AddressRange array = AddressRange.OfBytes(TraceExamples.Start, 1 << 20);
        var sink = new AdvisedSink(this,
        [
            new Suggestion("pin", "") { Interval = array, Advice = new MemoryAdvice { NeverMigrate = true } },
            new Suggestion("bring", "") { Interval = array, Prefetches = true, BringsHome = true, Kernel = "work" },
            new Suggestion("bring once", "") { Interval = array, Prefetches = true },
        ]);
        sink.Advice(new TraceAdvice(array, new MemoryAdvice { IsReadMostly = true }));
        sink.Kernel(new TraceKernel(0, 0, false, "other"));
        sink.Kernel(new TraceKernel(0, 0, true));
        sink.Kernel(new TraceKernel(1, 0, false, "work"));
        sink.Access(new TraceAccess(array.Start, 4, MemoryAccess.Read, TraceAgent.Device()));
        sink.Access(new TraceAccess(array.Start, 4, MemoryAccess.Read, TraceAgent.Device()));
        sink.Kernel(new TraceKernel(1, 0, true));
        Assert.Equal(
            ["advice never", "advice mostly read", "advice never mostly read", "other begins", "other ends", "to 0", "work begins", "to 0", "access", "access", "work ends", "to -1"], _order);
    }

    void ITraceSink.Access(in TraceAccess access) => _order.Add("access");

    void ITraceSink.Kernel(in TraceKernel kernel)
    {
        _kernel = kernel.IsEnd ? _kernel : kernel.Name;
        _order.Add($"{_kernel} {(kernel.IsEnd ? "ends" : "begins")}");
    }

    void ITraceSink.Advice(in TraceAdvice advice) => _order.Add($"advice{(advice.Advice.NeverMigrate ? " never" : "")}{(advice.Advice.IsReadMostly ? " mostly read" : "")}");

    void ITraceSink.Prefetch(in TracePrefetch prefetch) => _order.Add($"to {prefetch.Destination}");

    void ITraceSink.Mapping(in TraceMapping mapping) => _order.Add("mapping");

    void ITraceSink.Bind(in TraceBind bind) => _order.Add("bind");

    void ITraceSink.Event(in SvmEvent one) => _order.Add("event");
}
