// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Advising;

/// <summary>
/// Learns from the log of a replay what was done to which memory, and after how many accesses nearly all of it had been touched: a trace that is cut there has seen the whole of what it works on, and what
/// does not fit has begun to be evicted.
/// </summary>
/// <param name="footprintBytes">What is touched in all.</param>
public sealed class IntervalProfile(long footprintBytes) : ITraceSink
{
    private const double NearlyAll = 0.95;

    private readonly Dictionary<string, IntervalUse> _named = [];
    private readonly List<(AddressRange Addresses, IntervalUse Use)> _mapped = [];
    private readonly SortedDictionary<ulong, IntervalUse> _blocks = []; // Of memory without a name: by the number of the 2 MiB block.
    private readonly HashSet<ulong> _pages = [];
    private int _last; // In _mapped: what was found last.

    /// <summary>Accesses so far.</summary>
    public long Accesses { get; private set; }

    /// <summary>Accesses until nearly all had been touched; all, if it never was.</summary>
    public long AccessesUntilTouched { get; private set; }

    /// <summary>What was done to memory that something was done to, the most moved first.</summary>
    /// <returns>The uses: named memory, and neighbouring blocks without a name together.</returns>
    public IReadOnlyList<IntervalUse> Uses() =>
    [
        .. _named.Values.Concat(Together()).Where(use => use.DeviceAccesses > 0)
            .OrderByDescending(use => use.MovedBytes).ThenByDescending(use => use.DeviceAccesses).ThenBy(use => use.Interval.Name, StringComparer.Ordinal),
    ];

    /// <inheritdoc/>
    public void Access(in TraceAccess access)
    {
        Accesses++;
        IntervalUse use = Find(access.Address);
        if (!access.Agent.IsDevice)
            use.CpuAccesses++;
        else
            use.DeviceAccesses++;
        if (access.Agent.IsDevice && access.Kind != MemoryAccess.Read)
            use.DeviceWrites++;
        if (_pages.Count << PageSize.Shift >= footprintBytes * NearlyAll)
            return;
        for (ulong page = access.Address.PageNumber, last = (access.Address.Value + (uint)access.Bytes - 1) >> PageSize.Shift; page <= last; page++)
            _pages.Add(page);
        AccessesUntilTouched = Accesses;
    }

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel)
    {
        // It touches nothing.
    }

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping)
    {
        AddressRange interval = mapping.Interval;
        if (mapping.IsUnmap)
        {
            _mapped.RemoveAll(one => interval.Contains(one.Addresses));
            return;
        }

        if (mapping.Name.Length == 0)
            return; // By its blocks, as what is never mapped.
        if (!_named.TryGetValue(mapping.Name, out IntervalUse? use))
            _named.Add(mapping.Name, use = new IntervalUse(new AdvisedInterval { Name = mapping.Name }));
        _mapped.Add((interval, use));
        use.Bytes = Math.Max(use.Bytes, _mapped.Where(one => one.Use == use).Sum(one => one.Addresses.Bytes));
    }

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice)
    {
        // What the program wishes already holds in any case.
    }

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch)
    {
        // It touches nothing.
    }

    /// <inheritdoc/>
    public void Bind(in TraceBind bind)
    {
        // Where pages are mapped is not what is done to them.
    }

    /// <inheritdoc/>
    public void Event(in SvmEvent one)
    {
        if (one.Kind == SvmEventKind.Migration)
            Find(one.Address).MovedBytes += one.Bytes;
        else if (one.Kind is SvmEventKind.GpuFault or SvmEventKind.CpuFault)
            Find(one.Address).Faults++;
    }

    /// <summary>The use of the memory at an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>That of its mapping, or of its block.</returns>
    private IntervalUse Find(VirtualAddress address)
    {
        if (_last < _mapped.Count && _mapped[_last].Addresses.Contains(address))
            return _mapped[_last].Use;
        int found = _mapped.FindIndex(one => one.Addresses.Contains(address));
        if (found >= 0)
            return _mapped[_last = found].Use;
        ulong number = address.PageNumber >> PageOrder.Huge.Value;
        if (!_blocks.TryGetValue(number, out IntervalUse? use))
            _blocks.Add(number, use = new IntervalUse(AdvisedInterval.At(address.Block(PageOrder.Huge))) { Bytes = PageSize.HugeBytes });
        return use;
    }

    /// <summary>Joins neighbouring blocks: what lies side by side was most likely allocated at once.</summary>
    /// <returns>Uses of the joined blocks.</returns>
    private List<IntervalUse> Together()
    {
        var joined = new List<IntervalUse>();
        foreach (IntervalUse block in _blocks.Values)
        {
            AddressRange addresses = block.Interval.Addresses!.Value;
            IntervalUse? before = joined.Count > 0 && joined[^1].Interval.Addresses!.Value.End == addresses.Start ? joined[^1] : null;
            if (before is not null)
                joined.RemoveAt(joined.Count - 1);
            joined.Add(new IntervalUse(AdvisedInterval.At(new AddressRange(before?.Interval.Addresses!.Value.Start ?? addresses.Start, addresses.End)))
            {
                Bytes = block.Bytes + (before?.Bytes ?? 0),
                DeviceAccesses = block.DeviceAccesses + (before?.DeviceAccesses ?? 0),
                DeviceWrites = block.DeviceWrites + (before?.DeviceWrites ?? 0),
                CpuAccesses = block.CpuAccesses + (before?.CpuAccesses ?? 0),
                MovedBytes = block.MovedBytes + (before?.MovedBytes ?? 0),
                Faults = block.Faults + (before?.Faults ?? 0),
            });
        }

        return joined;
    }
}
