// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>Keeps every record, in order.</summary>
internal sealed class TraceRecorder : ITraceSink
{
    /// <summary>The records.</summary>
    public List<object> Records { get; } = [];

    public void Access(in TraceAccess access) => Records.Add(access);

    public void Kernel(in TraceKernel kernel) => Records.Add(kernel);

    public void Mapping(in TraceMapping mapping) => Records.Add(mapping);

    public void Advice(in TraceAdvice advice) => Records.Add(advice);

    public void Prefetch(in TracePrefetch prefetch) => Records.Add(prefetch);

    public void Bind(in TraceBind bind) => Records.Add(bind);

    public void Event(in SvmEvent one) => Records.Add(one);

    public void Resident(in TraceResidence residence) => Records.Add(residence);

    public void Lost(in TraceLoss loss) => Records.Add(loss);

    /// <summary>Gives the records to another sink.</summary>
    /// <param name="sink">The other.</param>
    public void Replay(ITraceSink sink)
    {
        foreach (object record in Records)
        {
            switch (record)
            {
                case TraceAccess access: sink.Access(access); break;
                case TraceKernel kernel: sink.Kernel(kernel); break;
                case TraceMapping mapping: sink.Mapping(mapping); break;
                case TraceAdvice advice: sink.Advice(advice); break;
                case TracePrefetch prefetch: sink.Prefetch(prefetch); break;
                case TraceBind bind: sink.Bind(bind); break;
                case TraceResidence residence: sink.Resident(residence); break;
                case TraceLoss loss: sink.Lost(loss); break;
                case SvmEvent one: sink.Event(one); break;
                default: throw new InvalidOperationException($"no record: {record}");
            }
        }
    }
}
