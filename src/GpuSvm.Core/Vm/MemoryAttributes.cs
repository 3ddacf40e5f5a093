// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Vm;

/// <summary>
/// What the program has asked for which part of its memory. It knows no ranges and no pages: ranges come, go and split without touching it, and advice may be given
/// before anything is mapped. Kernel: the attributes of Xe's mirror VMAs and of amdkfd's ranges, which hang on objects that also carry placement.
/// </summary>
/// <remarks>
/// <para>An interval tree of runs that are disjoint, page aligned, never of the default advice, and never touch a run of the same advice: so there is one way to write a
/// state down, and what is not in the tree is default. The fault path asks for one address, in logarithmic time and without allocation.</para>
/// <para>A change is a transaction: the new runs are computed and allocated first, then put in the place of the old ones, which cannot fail. A change that is refused has
/// changed nothing. What is said of memory outlives an unmap, as with the kernel's madvise on a mirror; with reset on unmap it does not, as with malloc'ed memory whose next
/// owner should not inherit it.</para>
/// <para>Advice has no effect by itself: pages stay where they are until the next fault or prefetch. The caller takes access away where <c>changed</c> says so.</para>
/// <para>Locking: the VM's lock, shared to ask and owned to change.</para>
/// </remarks>
public sealed class MemoryAttributes
{
    private readonly RankedReaderWriterLock _lock;
    private readonly IntervalTree<Run> _runs = new(); // Guarded by _lock.
    private readonly List<AttributeRun> _planned = []; // Scratch of a change. Guarded by _lock (write).
    private readonly List<Run> _made = []; // As _planned.

    /// <summary>Makes a map in which everything is default.</summary>
    /// <param name="vmLock">The VM's lock.</param>
    /// <param name="resetOnUnmap">Whether unmapped memory loses its advice.</param>
    public MemoryAttributes(RankedReaderWriterLock vmLock, bool resetOnUnmap = false)
    {
        _lock = vmLock;
        ResetsOnUnmap = resetOnUnmap;
    }

    /// <summary>One run.</summary>
    private sealed class Run : IntervalNode<Run>
    {
        /// <summary>Makes a run.</summary>
        /// <param name="planned">Its interval and advice.</param>
        public Run(AttributeRun planned)
        {
            Interval = planned.Interval;
            Advice = planned.Advice;
        }

        /// <summary>The advice; never the default.</summary>
        public MemoryAdvice Advice { get; }
    }

    /// <summary>Whether unmapped memory loses its advice.</summary>
    public bool ResetsOnUnmap { get; }

    /// <summary>The number of runs that are not default. Guarded by Vm.</summary>
    public int RunCount => _runs.Count;

    /// <summary>The advice for one page.</summary>
    /// <param name="address">Any address in it.</param>
    /// <returns>The advice; the default where nothing was said.</returns>
    /// <remarks>Locking: Vm held. Allocates nothing.</remarks>
    public MemoryAdvice FindLocked(VirtualAddress address)
    {
        _lock.AssertHeld();
        return _runs.Find(address)?.Advice ?? default;
    }

    /// <summary>The run around an address, as far as its advice reaches.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The run; where nothing was said, everything between the neighbours.</returns>
    /// <remarks>Locking: Vm held. Allocates nothing.</remarks>
    public AttributeRun FindRunLocked(VirtualAddress address)
    {
        _lock.AssertHeld();
        Run? next = _runs.FindFirst(new AddressRange(address, new VirtualAddress(ulong.MaxValue)));
        if (next is not null && next.Interval.Contains(address))
            return new AttributeRun(next.Interval, next.Advice);
        Run? previous = next is not null ? next.Previous : _runs.Last;
        return new AttributeRun(new AddressRange(previous?.Interval.End ?? default, next?.Interval.Start ?? new VirtualAddress(ulong.MaxValue)), default);
    }

    /// <summary>Lists an interval's runs in address order, without gaps; neighbours differ.</summary>
    /// <param name="interval">The interval; the first and last run are clipped to it.</param>
    /// <param name="runs">Receives the runs.</param>
    /// <remarks>Locking: Vm held.</remarks>
    public void QueryLocked(AddressRange interval, ICollection<AttributeRun> runs)
    {
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            AttributeRun run = FindRunLocked(at);
            AddressRange part = run.Interval.Intersect(interval);
            runs.Add(run with { Interval = part });
            at = part.End;
        }
    }

    /// <summary>Changes the advice of an interval, wholly or not at all. Runs are cut at its ends, and joined where they have become equal.</summary>
    /// <param name="interval">Page aligned, not empty; it need not be mapped.</param>
    /// <param name="change">Makes the new advice of the old; called once for each run.</param>
    /// <param name="changed">The smallest interval around all memory whose advice is another now; empty if none is.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.InvalidArgument"/> for an interval or a granularity that is none, <see cref="SvmStatus.OutOfHostMemory"/>: nothing has changed.</returns>
    /// <remarks>Locking: Vm owned.</remarks>
    public SvmStatus SetLocked(AddressRange interval, Func<MemoryAdvice, MemoryAdvice> change, out AddressRange changed)
    {
        _lock.AssertHeldWrite();
        changed = new AddressRange(interval.Start, interval.Start);
        if (interval.IsEmpty || !interval.IsPageAligned)
            return SvmStatus.InvalidArgument;
        Run? before = interval.Start.Value == 0 ? null : _runs.Find(interval.Start - 1);
        Run? after = _runs.Find(interval.End);
        _planned.Clear();
        if (before is not null)
            Plan(new AddressRange(before.Interval.Start, interval.Start), before.Advice);
        SvmStatus status = SvmStatus.Done;
        foreach (IntervalSpan<Run> span in _runs.Spans(interval))
        {
            if (span.IsHole)
                status = PlanChanged(span.Interval, default, change, status, ref changed);
            for (Run? run = span.First; run is not null; run = _runs.NextOverlap(run, span.Interval))
                status = PlanChanged(run.Interval.Intersect(interval), run.Advice, change, status, ref changed);
        }

        if (after is not null)
            Plan(new AddressRange(interval.End, after.Interval.End), after.Advice);
        if (status == SvmStatus.Done && !changed.IsEmpty)
            status = Commit(new AddressRange(before?.Interval.Start ?? interval.Start, after?.Interval.End ?? interval.End));
        if (status != SvmStatus.Done)
            changed = new AddressRange(interval.Start, interval.Start);
        return status;
    }

    /// <summary>Forgets everything said of an interval.</summary>
    /// <param name="interval">Page aligned, not empty.</param>
    /// <param name="changed">As in <see cref="SetLocked"/>.</param>
    /// <returns>As <see cref="SetLocked"/>.</returns>
    /// <remarks>Locking: Vm owned.</remarks>
    public SvmStatus ResetLocked(AddressRange interval, out AddressRange changed) => SetLocked(interval, static _ => default, out changed);

    /// <summary>Hears that an interval has been unmapped: forgets what was said of it if the map resets on unmap.</summary>
    /// <param name="interval">Page aligned, not empty.</param>
    /// <returns>As <see cref="SetLocked"/>; after a failure the old advice stands.</returns>
    /// <remarks>Locking: Vm owned.</remarks>
    public SvmStatus UnmappedLocked(AddressRange interval)
    {
        _lock.AssertHeldWrite();
        return ResetsOnUnmap ? ResetLocked(interval, out _) : SvmStatus.Done;
    }

    /// <summary>Plans one changed piece.</summary>
    /// <param name="interval">The piece.</param>
    /// <param name="old">Its advice before.</param>
    /// <param name="change">Makes the new advice of it.</param>
    /// <param name="status">What became of the pieces before.</param>
    /// <param name="changed">Widened if the advice is another.</param>
    /// <returns>The status so far.</returns>
    private SvmStatus PlanChanged(AddressRange interval, MemoryAdvice old, Func<MemoryAdvice, MemoryAdvice> change, SvmStatus status, ref AddressRange changed)
    {
        MemoryAdvice advice = change(old);
        if (!advice.IsValid)
            return SvmStatus.InvalidArgument;
        if (advice != old)
            changed = changed.Around(interval);
        Plan(interval, advice);
        return status;
    }

    /// <summary>Plans one piece, joined with the one before where they are equal and touch.</summary>
    /// <param name="interval">The piece.</param>
    /// <param name="advice">Its advice; the default plans nothing.</param>
    private void Plan(AddressRange interval, MemoryAdvice advice)
    {
        if (advice.IsDefault)
            return;
        if (_planned.Count > 0 && _planned[^1] is var last && last.Interval.End == interval.Start && last.Advice == advice)
            _planned[^1] = last with { Interval = last.Interval.Around(interval) };
        else
            _planned.Add(new AttributeRun(interval, advice));
    }

    /// <summary>Allocates what is planned, then puts it in the place of what is there.</summary>
    /// <param name="interval">Around all runs that the plan replaces.</param>
    /// <returns><see cref="SvmStatus.Done"/> or <see cref="SvmStatus.OutOfHostMemory"/>: nothing has changed.</returns>
    private SvmStatus Commit(AddressRange interval)
    {
        _made.Clear();
        if (!TryMake())
            return SvmStatus.OutOfHostMemory;
        foreach (Run run in _runs.Overlapping(interval))
            _runs.Remove(run);
        foreach (Run run in _made)
            _runs.Insert(run);
        _made.Clear();
        return SvmStatus.Done;
    }

    /// <summary>Allocates the planned runs.</summary>
    /// <returns>False if there is no memory for one of them.</returns>
    private bool TryMake()
    {
        try
        {
            foreach (AttributeRun planned in _planned)
            {
                if (Injection.ShouldFail(InjectionPoint.AttributeAllocate))
                    return false;
                _made.Add(new Run(planned));
            }

            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }
}
