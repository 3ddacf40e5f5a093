// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Vm;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Explaining;

/// <summary>Puts suggestions into a trace on its way to a replay: advice in front, prefetches before kernels, and the way back after them.</summary>
/// <remarks>Where the trace advises on the same memory itself, both hold: its own advice, and what is suggested beside it.</remarks>
public sealed class AdvisedSink : ITraceSink
{
    private readonly ITraceSink _sink;
    private readonly Suggestion[] _advice;
    private readonly Suggestion[] _prefetches;
    private readonly List<Suggestion> _waiting; // Prefetches of traces without kernels, for the first access.
    private readonly Dictionary<long, string> _running = [];

    /// <summary>Begins; the advice goes to the sink at once.</summary>
    /// <param name="sink">Who gets the records.</param>
    /// <param name="suggestions">What is to be followed.</param>
    public AdvisedSink(ITraceSink sink, IEnumerable<Suggestion> suggestions)
    {
        _sink = sink;
        Suggestion[] all = [.. suggestions];
        _advice = [.. all.Where(one => one is { Advice: not null, Interval: not null })];
        _prefetches = [.. all.Where(one => one is { Prefetches: true, Interval: not null })];
        _waiting = [.. _prefetches.Where(one => one.Launch is null && one.Kernel.Length == 0)];
        foreach (Suggestion one in _advice)
            sink.Advice(new TraceAdvice(one.Interval!.Value, one.Advice!.Value));
    }

    /// <inheritdoc/>
    public void Access(in TraceAccess access)
    {
        if (_waiting.Count > 0 && access.Agent.IsDevice)
        {
            VirtualAddress address = access.Address;
            foreach (Suggestion one in _waiting.Where(one => one.Interval!.Value.Contains(address)).ToArray())
            {
                _waiting.Remove(one);
                _sink.Prefetch(new TracePrefetch(one.Interval!.Value, 0));
            }
        }

        _sink.Access(access);
    }

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel)
    {
        if (!kernel.IsEnd)
        {
            _running[kernel.Device] = kernel.Name;
            foreach (Suggestion one in _prefetches)
            {
                if (Means(one, kernel.Id, kernel.Name))
                    _sink.Prefetch(new TracePrefetch(one.Interval!.Value, (short)kernel.Device));
            }

            _sink.Kernel(kernel);
            return;
        }

        _sink.Kernel(kernel);
        string name = _running.GetValueOrDefault(kernel.Device, kernel.Name);
        foreach (Suggestion one in _prefetches)
        {
            if (one.BringsHome && Means(one, kernel.Id, name))
                _sink.Prefetch(new TracePrefetch(one.Interval!.Value, SvmPlace.Ram));
        }
    }

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping) => _sink.Mapping(mapping);

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice)
    {
        _sink.Advice(advice);
        foreach (Suggestion one in _advice)
        {
            AddressRange both = one.Interval!.Value.Intersect(advice.Interval);
            if (!both.IsEmpty)
                _sink.Advice(new TraceAdvice(both, Merge(advice.Advice, one.Advice!.Value)));
        }
    }

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch) => _sink.Prefetch(prefetch);

    /// <inheritdoc/>
    public void Bind(in TraceBind bind) => _sink.Bind(bind);

    /// <inheritdoc/>
    public void Event(in SvmEvent one) => _sink.Event(one);

    /// <summary>Whether a suggestion means a launch.</summary>
    /// <param name="one">The suggestion.</param>
    /// <param name="launch">The launch.</param>
    /// <param name="name">Its kernel's name.</param>
    private static bool Means(Suggestion one, long launch, string name) => one.Launch == launch || (one.Kernel.Length > 0 && one.Kernel == name);

    /// <summary>The program's advice with what is suggested.</summary>
    /// <param name="own">The program's.</param>
    /// <param name="suggested">What is suggested.</param>
    private static MemoryAdvice Merge(MemoryAdvice own, MemoryAdvice suggested) => own with
    {
        Preferred = suggested.Preferred.IsNone ? own.Preferred : suggested.Preferred,
        Granularity = suggested.Granularity ?? own.Granularity,
        IsReadMostly = own.IsReadMostly || suggested.IsReadMostly,
        NeverMigrate = own.NeverMigrate || suggested.NeverMigrate,
    };
}
