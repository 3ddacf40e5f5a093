// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Lab.Replay;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Explaining;

/// <summary>
/// Takes the records of a trace, or of the log of a replay, and keeps what explains them: sums, timelines, a map of addresses over time, histograms, who was evicted for whom, and what became of
/// each block of addresses.
/// </summary>
/// <remarks>
/// <para><b>Memory.</b> Everything has a fixed size: bins of time double their width (<see cref="TimeAxis"/>), blocks and rows of addresses their height (<see cref="BlockTable"/>,
/// <see cref="HeatMap"/>), and lists of kernels, allocations and pairs end somewhere and count what is left over. A trace may have any length and any footprint.</para>
/// <para><b>What things cost.</b> A fault costs its duration, with everything that moved for it. Where the trace knows no durations the cost model says what faults and copies take
/// (<see cref="IsEstimated"/>). Accesses of a device to RAM are always the cost model's.</para>
/// <para><b>What cannot be known.</b> A trace of events alone tells what faulted and moved, not what was used afterwards; <see cref="KnowsAccesses"/> is false then.</para>
/// </remarks>
/// <param name="model">What things cost where the trace does not say.</param>
public sealed partial class TraceAnalysis(CostModel model) : ITraceSink
{
    private const int MostKernels = 256;
    private const int MostSpans = 512;
    private const int MostPairs = 4096;

    private readonly List<KernelUse> _kernels = [];
    private readonly Dictionary<string, int> _kernelNumbers = [];
    private readonly List<KernelSpan> _spans = [];
    private readonly Dictionary<(string Victim, string Culprit), (long Bytes, long Evictions)> _pairs = [];
    
    private long? _launch; // The kernel that runs; null for none.
    private int _kernel = -1;
    private long _kernelStart;
    private long? _lastEnded;
    private long _resident;
    private long _lastDuration; // Of the last migration that was charged, so that its runs are charged once.
    private long _lastTimestamp = -1;

    /// <summary>What all came to.</summary>
    public TraceTotals Totals { get; } = new();

    /// <summary>The time of everything.</summary>
    public TimeAxis Axis { get; } = new();

    /// <summary>Timelines.</summary>
    public Timelines Timelines => field ??= new Timelines(Axis);

    /// <summary>Addresses over time.</summary>
    public HeatMap Heat => field ??= new HeatMap(Axis);

    /// <summary>What became of each block.</summary>
    public BlockTable Blocks { get; } = new();

    /// <summary>The mappings.</summary>
    public Allocations Allocations { get; } = new();

    /// <summary>How long faults of devices took.</summary>
    public LatencyHistogram DeviceFaultTimes { get; } = new();

    /// <summary>How long faults of CPU threads took.</summary>
    public LatencyHistogram CpuFaultTimes { get; } = new();

    /// <summary>How long migrations took.</summary>
    public LatencyHistogram MigrationTimes { get; } = new();

    /// <summary>How long accesses waited for their replay.</summary>
    public LatencyHistogram WaitTimes { get; } = new();

    /// <summary>Durations of all kinds that were measured, with their names.</summary>
    public IEnumerable<(string Name, LatencyHistogram Times)> Durations =>
        new[] { ("GPU faults", DeviceFaultTimes), ("CPU faults", CpuFaultTimes), ("migrations", MigrationTimes), ("waits of GPU accesses", WaitTimes) }.Where(kind => kind.Item2.Count > 0);

    /// <summary>Kernels by name, in the order of their first launch.</summary>
    public IReadOnlyList<KernelUse> Kernels => _kernels;

    /// <summary>When kernels ran: the first of them.</summary>
    public IReadOnlyList<KernelSpan> Spans => _spans;

    /// <summary>Launches for which there is no span.</summary>
    public long SpansLeftOut { get; private set; }

    /// <summary>Evictions by victim and culprit, the most bytes first.</summary>
    public IReadOnlyList<EvictionPair> Evictions => [.. _pairs.Select(pair => new EvictionPair(pair.Key.Victim, pair.Key.Culprit, pair.Value.Bytes, pair.Value.Evictions)).OrderByDescending(pair => pair.Bytes)];

    /// <summary>Whether the trace holds accesses of devices, so that what was used is known.</summary>
    public bool KnowsAccesses { get; private set; }

    /// <summary>Whether faults have durations.</summary>
    private bool KnowsDurations => DeviceFaultTimes.Count + CpuFaultTimes.Count > 0;

    /// <summary>Whether costs are the cost model's for want of durations.</summary>
    public bool IsEstimated => DeviceFaultTimes.Count + CpuFaultTimes.Count + MigrationTimes.Count == 0;

    /// <summary>The cost model.</summary>
    public CostModel CostModel { get; } = model;

    /// <inheritdoc/>
    public void Access(in TraceAccess access)
    {
        Totals.Accesses++;
        if (access.Time > 0)
            Axis.Reach(access.Time);
        ulong end = access.Address.Value + (uint)access.Bytes;
        for (ulong at = access.Address.Value; at < end;)
        {
            BlockUse block = Blocks.Of(at);
            ulong next = Math.Min(end, ((at >> Blocks.Shift) + 1) << Blocks.Shift);
            Touch(block, Blocks.MaskOf(at, next), access, (long)(next - at));
            at = next;
        }
    }

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel)
    {
        Axis.Reach(kernel.Time);
        if (kernel.IsEnd)
        {
            if (_kernel >= 0)
            {
                _kernels[_kernel].Nanoseconds += Axis.Now - _kernelStart;
                if (_spans.Count < MostSpans)
                    _spans.Add(new KernelSpan(_kernel, _kernelStart, Axis.Now));
                else
                    SpansLeftOut++;
            }

            (_lastEnded, _launch, _kernel) = (kernel.Id, null, -1);
            return;
        }

        string name = kernel.Name.Length > 0 ? kernel.Name : "kernel";
        if (!_kernelNumbers.TryGetValue(name, out int number) && _kernels.Count < MostKernels)
        {
            _kernelNumbers.Add(name, number = _kernels.Count);
            _kernels.Add(new KernelUse(name));
        }
        else if (!_kernelNumbers.ContainsKey(name))
        {
            number = MostKernels - 1; // One name too many: it counts with the last.
        }

        (_launch, _kernel, _kernelStart) = (kernel.Id, number, Axis.Now);
        _kernels[number].Launches++;
    }

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping)
    {
        Axis.Reach(mapping.Time);
        if (!mapping.IsUnmap)
        {
            Allocations.Add(mapping.Interval, mapping.Name);
            return;
        }

        Pieces(mapping.Interval, false, (block, mask, at, _) => Leave(block, mask, at));
    }

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice)
    {
        // What it changes shows in what moves.
    }

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch)
    {
        // What comes of it is events.
    }

    /// <inheritdoc/>
    public void Bind(in TraceBind bind)
    {
        // What comes of it is events.
    }

    /// <inheritdoc/>
    public void Event(in SvmEvent one)
    {
        Axis.Reach(one.Timestamp);
        switch (one.Kind)
        {
            case SvmEventKind.GpuFault or SvmEventKind.CpuFault:
                Fault(one);
                break;
            case SvmEventKind.Migration:
                Migration(one);
                break;
            case SvmEventKind.Eviction:
                Evicted(one);
                break;
            case SvmEventKind.ReadDuplicate:
                Arrived(one, one.Cause);
                break;
            case SvmEventKind.ReadDuplicateInvalidate:
                Pieces(AddressRange.OfBytes(one.Address, one.Bytes), false, (block, mask, at, _) => Leave(block, mask, at));
                break;
            case SvmEventKind.FatalFault:
                Totals.RefusedFaults++;
                break;
            case SvmEventKind.FaultReplay:
                WaitTimes.Record(one.Duration);
                break;
            case SvmEventKind.Invalidation:
                Totals.Invalidations++;
                break;
            case SvmEventKind.MapRemote:
                Totals.RemoteMaps++;
                break;
            case SvmEventKind.ThrashingDetected:
                Totals.ThrashingDetected++;
                Pieces(AddressRange.OfBytes(one.Address, one.Bytes), true, (block, _, _, _) => block.ThrashingDetected++);
                break;
            case SvmEventKind.ThrottlingEnd:
                Totals.Throttled += one.Duration;
                break;
            case SvmEventKind.FaultBufferOverflow:
                Totals.Overflows++;
                break;
        }
    }

    /// <summary>Ends the analysis: residency is added up to the last record.</summary>
    public void Complete()
    {
        Heat.Settle();
        Timelines.Resident(Axis, _resident);
        double remote = CostModel.RemoteAccessNanoseconds;
        foreach ((_, BlockUse block) in Blocks.InOrder)
        {
            block.RemoteAccesses = Math.Max(0, block.RemoteAccesses - block.DeviceFaults); // An access that faulted found nothing either.
            block.Cost += block.RemoteAccesses * remote;
            Totals.RemoteAccesses += block.RemoteAccesses;
            Totals.Cost += block.RemoteAccesses * remote;
        }
    }

    /// <summary>Notes an access in one block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="mask">The pieces.</param>
    /// <param name="access">The access.</param>
    /// <param name="bytes">Its bytes in the block.</param>
    private void Touch(BlockUse block, uint mask, in TraceAccess access, long bytes)
    {
        if (!access.Agent.IsDevice)
        {
            block.CpuMaskEver |= mask;
            if (!block.IsDeviceUsed)
            {
                block.CpuAccessesBefore++;
                return;
            }

            block.CpuMask |= mask;
            if (access.Kind == MemoryAccess.Read)
                block.CpuReadsAfter++;
            else
                block.CpuWritesAfter++;
            return;
        }

        KnowsAccesses = true;
        UsedByDevice(block, mask);
        block.DeviceAccessBytes += bytes;
        if (access.Kind == MemoryAccess.Read)
            block.DeviceReads++;
        else
            block.DeviceWrites++;
        if ((block.ResidentMask & mask) != mask)
            block.RemoteAccesses++;
    }

    /// <summary>Notes that a device has touched a block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="mask">The pieces.</param>
    private void UsedByDevice(BlockUse block, uint mask)
    {
        block.DeviceMask |= mask;
        if (_launch is not { } launch || block.LastLaunch == launch)
            return;
        if (block.FirstLaunch is null)
            (block.FirstLaunch, block.FirstKernel) = (launch, _kernel);
        block.LastLaunch = launch;
        block.Launches++;
    }

    /// <summary>Takes each block's part of an interval.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="makes">Whether blocks that are not there are made.</param>
    /// <param name="part">Told of the block, the mask of its pieces, the first address of the part, and its bytes.</param>
    private void Pieces(AddressRange interval, bool makes, Action<BlockUse, uint, ulong, long> part)
    {
        ulong end = interval.End.Value;
        for (ulong at = interval.Start.Value; at < end;)
        {
            BlockUse? block = makes ? Blocks.Of(at) : Blocks.Find(at);
            ulong next = Math.Min(end, ((at >> Blocks.Shift) + 1) << Blocks.Shift);
            if (block is not null)
                part(block, Blocks.MaskOf(at, next), at, (long)(next - at));
            at = next;
        }
    }

    /// <summary>Notes that pieces are on no device any more.</summary>
    /// <param name="block">The block.</param>
    /// <param name="mask">The pieces.</param>
    /// <param name="at">An address of them.</param>
    private void Leave(BlockUse block, uint mask, ulong at)
    {
        long bytes = BitOperations.PopCount(block.ResidentMask & mask) * Blocks.PieceBytes;
        block.ResidentMask &= ~mask;
        if (bytes > 0)
            ChangeResidency(at, -bytes);
    }

    /// <summary>Notes that memory on devices has become more or less.</summary>
    /// <param name="at">Where.</param>
    /// <param name="bytes">By how much.</param>
    private void ChangeResidency(ulong at, long bytes)
    {
        Heat.Of(at).Change(Axis, bytes);
        Timelines.Resident(Axis, _resident);
        _resident = Math.Max(0, _resident + bytes);
        Totals.MostResident = Math.Max(Totals.MostResident, _resident);
    }
}
