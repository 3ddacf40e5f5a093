// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Traces;

/// <summary>Lets the faults of a trace stand for accesses, for traces that hold no others: what a profiler or a driver's log knows. What did not fault is missing then, so hits are not in the figures.</summary>
/// <param name="sink">Who gets the records.</param>
public sealed class FaultsAsAccesses(ITraceSink sink) : ITraceSink
{
    private const int FaultBytes = 1; // Nobody knows how many; one page is touched.

    /// <summary>Makes an access of a fault.</summary>
    /// <param name="one">The event.</param>
    /// <param name="access">The access.</param>
    /// <returns>False if it is no fault.</returns>
    public static bool TryConvert(in SvmEvent one, out TraceAccess access)
    {
        access = default;
        if (one.Kind is not (SvmEventKind.GpuFault or SvmEventKind.CpuFault))
            return false;
        TraceAgent agent = one.Kind == SvmEventKind.CpuFault ? TraceAgent.Cpu() : TraceAgent.Device(Math.Max(one.To, (short)0));
        access = new TraceAccess(one.Address, FaultBytes, one.Access, agent) { Time = one.Timestamp };
        return true;
    }

    /// <inheritdoc/>
    public void Access(in TraceAccess access) => sink.Access(access);

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel) => sink.Kernel(kernel);

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping) => sink.Mapping(mapping);

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice) => sink.Advice(advice);

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch) => sink.Prefetch(prefetch);

    /// <inheritdoc/>
    public void Bind(in TraceBind bind) => sink.Bind(bind);

    /// <inheritdoc/>
    public void Resident(in TraceResidence residence) => sink.Resident(residence);

    /// <inheritdoc/>
    public void Lost(in TraceLoss loss) => sink.Lost(loss);

    /// <inheritdoc/>
    public void Event(in SvmEvent one)
    {
        if (TryConvert(one, out TraceAccess access))
            sink.Access(access);
        else
            sink.Event(one);
    }
}
