// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Traces;

/// <summary>Counts what a trace holds and how many pages it accesses: by its accesses, and by its faults, for traces that have no others.</summary>
public sealed class TraceFootprint : ITraceSink
{
    private const int Words = PageSize.PagesPerHuge / 64;

    private readonly Dictionary<ulong, ulong[]> _blocks = []; // A bit a page, by 2 MiB.
    private ulong _lastBlock = ulong.MaxValue;
    private ulong[] _last = [];

    /// <summary>Accesses of the trace.</summary>
    public long Accesses { get; private set; }

    /// <summary>Faults of the trace, of devices and CPU threads.</summary>
    public long Faults { get; private set; }

    /// <summary>Migrations of the trace: runs of addresses that moved.</summary>
    public long Migrations { get; private set; }

    /// <summary>The largest number of a device that accesses or faults.</summary>
    public int LastDevice { get; private set; }

    /// <summary>Bytes of the pages that are accessed or faulted on.</summary>
    public long TouchedBytes => _blocks.Values.Sum(block => block.Sum(word => (long)BitOperations.PopCount(word))) << PageSize.Shift;

    /// <summary>Bytes of the 2 MiB blocks of which something is.</summary>
    public long SpannedBytes => _blocks.Count * (long)PageSize.HugeBytes;

    /// <inheritdoc/>
    public void Access(in TraceAccess access)
    {
        Accesses++;
        if (access.Agent.IsDevice)
            LastDevice = Math.Max(LastDevice, access.Agent.Number);
        Touch(access.Address, access.Bytes);
    }

    /// <inheritdoc/>
    public void Event(in SvmEvent one)
    {
        Figures.Add(one);
        if (one.Kind == SvmEventKind.Migration)
            Migrations++;
        if (!FaultsAsAccesses.TryConvert(one, out TraceAccess access))
            return;
        Faults++;
        if (access.Agent.IsDevice)
            LastDevice = Math.Max(LastDevice, access.Agent.Number);
        Touch(access.Address, access.Bytes);
    }

    /// <summary>What its events say that happened: what a replay of a recording compares its own with.</summary>
    public RunFigures Figures { get; } = new();

    /// <summary>Records that the trace says are missing.</summary>
    public long LostRecords { get; private set; }

    /// <inheritdoc/>
    public void Lost(in TraceLoss loss) => LostRecords += loss.Records;

    /// <inheritdoc/>
    public void Resident(in TraceResidence residence) => Touch(residence.Interval.Start, residence.Interval.Bytes);

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel)
    {
        // It touches nothing.
    }

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping)
    {
        // What is mapped need not be touched.
    }

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice)
    {
        // It touches nothing.
    }

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch)
    {
        // What is brought need not be touched.
    }

    /// <inheritdoc/>
    public void Bind(in TraceBind bind)
    {
        // It touches nothing.
    }

    /// <summary>Marks pages.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="bytes">How many.</param>
    private void Touch(VirtualAddress address, long bytes)
    {
        for (ulong page = address.PageNumber, last = (address.Value + (ulong)bytes - 1) >> PageSize.Shift; page <= last; page++)
        {
            ulong number = page >> PageOrder.Huge.Value;
            if (number != _lastBlock)
            {
                if (!_blocks.TryGetValue(number, out ulong[]? found))
                    _blocks.Add(number, found = new ulong[Words]);
                (_lastBlock, _last) = (number, found);
            }

            int index = (int)page & (PageSize.PagesPerHuge - 1);
            _last[index >> 6] |= 1UL << (index & 63);
        }
    }
}
