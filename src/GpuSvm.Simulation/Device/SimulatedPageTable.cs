// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Device;

/// <summary>A page table of a simulated GPU, with the log of its invalidations. Entries are as large as they were written.</summary>
/// <param name="gpu">The device.</param>
/// <remarks>Locking: one lock of rank PageTable. Units look things up under it, each look a step.</remarks>
public sealed class SimulatedPageTable(SimulatedGpu gpu) : IDevicePageTable, IScheduleSubject
{
    private readonly RankedLock _lock = new(LockRank.PageTable, "simulated page table");
    private readonly Dictionary<ulong, DeviceAddress> _entries = []; // By virtual page: the translation of this page. Guarded by _lock.
    private readonly Dictionary<ulong, (ulong First, int Pages)> _spans = []; // By virtual page: the entry that it belongs to. Guarded by _lock.
    private readonly List<AddressRange> _invalidations = []; // Number n stands at n - 1. Guarded by _lock.
    private readonly List<SimulatedUnit> _units = []; // Set up before anything runs.

    /// <inheritdoc/>
    public string ScheduleName => $"page table of GPU {gpu.Number}";

    /// <summary>Makes a unit that runs in this address space.</summary>
    /// <returns>The unit.</returns>
    public SimulatedUnit CreateUnit()
    {
        var unit = new SimulatedUnit(gpu, this, _units.Count);
        _units.Add(unit);
        return unit;
    }

    /// <inheritdoc/>
    public SvmStatus Prepare(AddressRange interval) => SvmStatus.Done;

    /// <inheritdoc/>
    public void Write(VirtualAddress start, ReadOnlySpan<DeviceAddress> addresses)
    {
        using (_lock.Enter())
        using (AllocationWatch.Pause())
        {
            ulong page = start.PageNumber;
            foreach (DeviceAddress address in addresses)
            {
                for (int i = 0; i < address.Order.Pages; i++)
                {
                    _entries[page + (ulong)i] = address.Part(i, PageOrder.Small);
                    _spans[page + (ulong)i] = (page, address.Order.Pages);
                }

                page += (ulong)address.Order.Pages;
            }
        }
    }

    /// <inheritdoc/>
    public AddressRange Zap(AddressRange interval)
    {
        ulong first = ulong.MaxValue;
        ulong end = 0;
        using (_lock.Enter())
        {
            for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
            {
                if (!_spans.TryGetValue(page, out (ulong First, int Pages) span))
                    continue;
                first = Math.Min(first, span.First);
                end = Math.Max(end, span.First + (ulong)span.Pages);
                for (ulong part = span.First; part < span.First + (ulong)span.Pages; part++)
                {
                    _entries.Remove(part);
                    _spans.Remove(part);
                }
            }
        }

        return end == 0 ? new AddressRange(interval.Start, interval.Start) : new AddressRange(VirtualAddress.OfPage(first), VirtualAddress.OfPage(end));
    }

    /// <inheritdoc/>
    public ulong StartTlbInvalidation(AddressRange interval)
    {
        if (interval.IsEmpty)
            return 0;
        using (_lock.Enter())
        using (AllocationWatch.Pause())
        {
            _invalidations.Add(interval);
            return (ulong)_invalidations.Count;
        }
    }

    /// <inheritdoc/>
    public void WaitTlbInvalidation(ulong invalidation)
    {
        foreach (SimulatedUnit unit in _units)
        {
            while (unit.MayUseOlderThan(invalidation))
            {
                if (!SchedulePoint.TryWait(unit))
                    Thread.Yield();
            }
        }
    }

    /// <inheritdoc/>
    public IDeviceQueues UseWithoutFaults() => Queues = new SimulatedQueues(gpu.Number, _units);

    /// <summary>What stops and resumes the units, set up with the VM; null where they fault.</summary>
    internal SimulatedQueues? Queues { get; private set; }

    /// <inheritdoc/>
    public IAccessCounterBuffer? StartAccessCounters(in AccessCounterConfiguration configuration) => null;

    /// <inheritdoc/>
    public DeviceAddress Lookup(VirtualAddress address)
    {
        using (_lock.Enter())
            return _entries.GetValueOrDefault(address.PageNumber);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>The translation of a page as a picture shows it: without the lock.</summary>
    /// <param name="address">The page.</param>
    /// <returns>The translation; not present if there is none.</returns>
    internal DeviceAddress Peek(VirtualAddress address) => _entries.GetValueOrDefault(address.PageNumber);

    /// <summary>What a unit must drop from its TLB.</summary>
    /// <param name="acknowledged">The last invalidation that it knows of; moved on to the newest.</param>
    /// <param name="drop">Called for each newer one.</param>
    internal void Catch(ref ulong acknowledged, Action<AddressRange> drop)
    {
        using (_lock.Enter())
        {
            for (; acknowledged < (ulong)_invalidations.Count; acknowledged++)
                drop(_invalidations[(int)acknowledged]);
        }
    }
}
