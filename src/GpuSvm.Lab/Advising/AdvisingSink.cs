// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Vm;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Advising;

/// <summary>Hands a trace on as if the program had also advised what some settings say: of memory with a name as soon as it is mapped, of other memory at once. What the program advises itself still holds where it says nothing else.</summary>
public sealed class AdvisingSink : ITraceSink
{
    private readonly ITraceSink _sink;
    private readonly AdvisedSettings _settings;
    private readonly long _mostAccesses;
    private readonly Dictionary<string, AdvisedInterval> _byName;
    private readonly List<(AddressRange Addresses, AdvisedInterval Interval)> _advised = [];
    private readonly HashSet<AdvisedInterval> _seen = [];
    private long _accesses;

    /// <summary>Makes a sink.</summary>
    /// <param name="sink">Who gets the records. Memory without a name is mapped for it at once.</param>
    /// <param name="settings">What is advised.</param>
    /// <param name="mostAccesses">After how many accesses to end with a <see cref="ReplayLimitException"/>.</param>
    public AdvisingSink(ITraceSink sink, AdvisedSettings settings, long mostAccesses = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(sink);
        ArgumentNullException.ThrowIfNull(settings);
        (_sink, _settings, _mostAccesses) = (sink, settings, mostAccesses);
        _byName = settings.Intervals.Where(interval => !interval.IsUnnamed).ToDictionary(interval => interval.Name);
        foreach (AdvisedInterval interval in settings.Intervals.Where(interval => interval.IsUnnamed))
        {
            sink.Mapping(new TraceMapping(interval.Addresses!.Value, false));
            Advise(interval, interval.Addresses.Value);
        }
    }

    /// <summary>Names of memory that something was advised of and that was never mapped.</summary>
    public IReadOnlyList<string> Unknown => [.. _byName.Values.Where(interval => !_seen.Contains(interval)).Select(interval => interval.Name)];

    /// <inheritdoc/>
    public void Access(in TraceAccess access)
    {
        if (_accesses++ == _mostAccesses)
            throw new ReplayLimitException();
        _sink.Access(access);
    }

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel) => _sink.Kernel(kernel);

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping)
    {
        _sink.Mapping(mapping);
        if (mapping.IsUnmap)
        {
            AddressRange gone = mapping.Interval;
            _advised.RemoveAll(advised => !advised.Interval.IsUnnamed && gone.Contains(advised.Addresses));
        }
        else if (_byName.TryGetValue(mapping.Name, out AdvisedInterval? interval))
        {
            Advise(interval, mapping.Interval);
        }
    }

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice)
    {
        _sink.Advice(advice);
        foreach ((AddressRange addresses, AdvisedInterval interval) in _advised)
        {
            if (addresses.Overlaps(advice.Interval))
                _sink.Advice(new TraceAdvice(addresses.Intersect(advice.Interval), _settings.Apply(interval, advice.Advice)) { Time = advice.Time });
        }
    }

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch) => _sink.Prefetch(prefetch);

    /// <inheritdoc/>
    public void Bind(in TraceBind bind) => _sink.Bind(bind);

    /// <inheritdoc/>
    public void Event(in SvmEvent one) => _sink.Event(one);

    /// <summary>Advises of memory that has just been mapped.</summary>
    /// <param name="interval">What it is.</param>
    /// <param name="addresses">Where it is.</param>
    private void Advise(AdvisedInterval interval, AddressRange addresses)
    {
        _seen.Add(interval);
        _advised.Add((addresses, interval));
        _sink.Advice(new TraceAdvice(addresses, _settings.Apply(interval, default(MemoryAdvice))));
    }
}
