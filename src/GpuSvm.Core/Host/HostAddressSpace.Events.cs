// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <content>Events: what the host memory tells inside the gate, and what follows when the gate closes.</content>
public sealed partial class HostAddressSpace
{
    private static readonly AddressRange _everything = new(default, new VirtualAddress(1UL << 47)); // All of user space.

    private readonly Stack<GateEvents> _batches = new(); // Empty ones. Guarded by _workspaceLock.
    private GateEvents _open = new(); // What has come through the open gate. Guarded by the gate; whoever closes the gate takes it along.
    private int _unsettled; // Batches that have left the gate and of which devices have not lost everything yet. Interlocked.
    private int _reaped; // Set once by TryReap, inside an event.

    /// <summary>Whether the contents were given up by <see cref="TryReap"/>: nothing can be faulted in any more. Kernel: MMF_UNSTABLE, check_stable_address_space.</summary>
    public bool IsReaped => Volatile.Read(ref _reaped) != 0; // Pairs with the write in TryReap.

    /// <inheritdoc/>
    public void EnterEventGate() => _states.Lock.EnterGate();

    /// <inheritdoc/>
    public void LeaveEventGate()
    {
        GateEvents batch = _open;
        if (batch.Events.Count == 0)
        {
            _states.Lock.ExitGate();
            return;
        }

        GateEvents? empty;
        using (_workspaceLock.Enter())
            _batches.TryPop(out empty);
        _open = empty ?? new GateEvents();
        Interlocked.Increment(ref _unsettled); // Inside the gate: who passes it afterwards sees this batch.
        _states.Lock.ExitGate();
        foreach (MmuEvent mmuEvent in batch.Events)
        {
            Notifiers.InvalidateStart(mmuEvent);
            Notifiers.InvalidateEnd();
        }

        ReleaseAll(batch.Released);
        Interlocked.Decrement(ref _unsettled); // Pairs with WaitForEvents.
        SchedulePoint.Signal(this);
        batch.Clear();
        using (_workspaceLock.Enter())
            _batches.Push(batch);
    }

    /// <inheritdoc/>
    public void Unmapped(AddressRange interval)
    {
        DropInGate(new MmuEvent(interval, MmuEventKind.Unmap));
        Events.Recorder?.Mapping(interval, isUnmap: true);
    }

    /// <inheritdoc/>
    public void Discarded(AddressRange interval)
    {
        DropInGate(new MmuEvent(interval, MmuEventKind.Clear));
        RecordAnew(interval, interval);
    }

    /// <inheritdoc/>
    /// <remarks>Pages stay where they are; devices lose their mappings, and what they map next has the new rights. Device pages lose the right to be written
    /// until a fault gives it back.</remarks>
    public void ProtectionChanged(AddressRange interval)
    {
        _states.ProtectLocked(interval);
        _open.Events.Add(new MmuEvent(interval, MmuEventKind.Protection));
    }

    /// <summary>Waits until devices have lost what the events read so far have taken from them. A program goes on from munmap when its event has been read, which is before that; what it starts then
    /// must not see the old pages any more.</summary>
    /// <remarks>Locking: a wait; nothing may be held that invalidations need.</remarks>
    public void WaitForEvents()
    {
        if ((Memory.Capabilities & HostMemoryCapabilities.MappingEvents) == 0)
            return;
        EnterEventGate();
        LeaveEventGate();
        Pause pause = default;
        while (Volatile.Read(ref _unsettled) != 0) // Pairs with LeaveEventGate.
            pause.Once(this);
    }

    /// <summary>Has the host memory look for rights that the program has taken away without a word, before something is used on a device's behalf .</summary>
    /// <param name="interval">What is about to be used.</param>
    /// <remarks>Locking: nothing may be held; devices may lose their mappings of what has changed.</remarks>
    public void NoticeChanges(AddressRange interval)
    {
        if (!TryUse())
            return;
        Memory.NoticeChanges(interval);
        EndUse();
    }

    /// <inheritdoc/>
    /// <remarks>Devices lose the old interval; what they had of it they find at the new one when they touch it. Of what stood there before they have heard already.</remarks>
    public void Remapped(AddressRange from, AddressRange to)
    {
        if (!MayRemap)
            throw new InvalidOperationException("A memory that moves pages to other addresses must say that it can.");
        if (from.Bytes != to.Bytes || from.Overlaps(to) || !from.IsPageAligned || !to.IsPageAligned)
            throw new ArgumentException($"Pages cannot move from {from} to {to}.", nameof(to));
        _states.MoveLocked(from, to, _open.Released);
        _open.Events.Add(new MmuEvent(from, MmuEventKind.Unmap));
        RecordAnew(from, to);
    }

    /// <summary>Tells a recording that what was in one place is gone, and that there is memory without contents in another.</summary>
    /// <param name="gone">What is gone.</param>
    /// <param name="fresh">What there is.</param>
    private void RecordAnew(AddressRange gone, AddressRange fresh)
    {
        if (Events.Recorder is not { } recorder)
            return;
        recorder.Mapping(gone, isUnmap: true);
        recorder.Mapping(fresh, isUnmap: false);
    }

    /// <summary>
    /// Gives all contents up at once, for a process that is dying and whose memory is needed now: nothing is waited for, so the first notifier that would have to wait refuses.
    /// Afterwards device frames and staging blocks are free, and whoever faults is told that the process is gone. Kernel: the OOM reaper, __oom_reap_task_mm.
    /// </summary>
    /// <returns><see cref="SvmStatus.Done"/>, also if it was reaped before; <see cref="SvmStatus.Busy"/> if a notifier refused: nothing has changed.
    /// <see cref="SvmStatus.ProcessGone"/>. Or why some of the pages in RAM could not be discarded; they count as given up all the same.</returns>
    public SvmStatus TryReap()
    {
        if (!TryUse())
            return SvmStatus.ProcessGone;
        SvmStatus status = SvmStatus.Busy;
        if (Notifiers.InvalidateStart(new MmuEvent(_everything, MmuEventKind.Clear, MayBlock: false)))
        {
            Volatile.Write(ref _reaped, 1); // Pairs with IsReaped. Inside the event: who looked before is overtaken by it.
            var released = new List<PageEntry>();
            using (_states.Lock.EnterWrite())
                _states.DropLocked(_everything, released);
            status = DiscardAll();
            Notifiers.InvalidateEnd();
            ReleaseAll(released);
        }

        EndUse();
        return status;
    }

    /// <summary>Drops the pages of all mappings that are in RAM.</summary>
    /// <returns><see cref="SvmStatus.Done"/>, or the first failure; the rest was still tried.</returns>
    private SvmStatus DiscardAll()
    {
        SvmStatus first = SvmStatus.Done;
        for (VirtualAddress at = default; TryFindMapping(at, out HostMapping mapping); at = mapping.Interval.End)
        {
            SvmStatus status = Injection.ShouldFail(InjectionPoint.HostDiscard) ? SvmStatus.OutOfHostMemory : Memory.Discard(mapping.Interval);
            if (status is not (SvmStatus.Done or SvmStatus.NotMapped) && first == SvmStatus.Done)
                first = status;
        }

        return first;
    }

    /// <summary>Applies an event inside the gate; what it calls for follows when the gate closes.</summary>
    /// <param name="mmuEvent">The event.</param>
    private void DropInGate(MmuEvent mmuEvent)
    {
        _states.DropLocked(mmuEvent.Interval, _open.Released);
        _ = Shared.Remove(mmuEvent.Interval); // The event takes the copies along.
        _open.Events.Add(mmuEvent);
    }

    /// <summary>Makes devices lose an interval, then forgets its pages and releases what they lay in.</summary>
    /// <param name="mmuEvent">The event.</param>
    private void DropAndInvalidate(in MmuEvent mmuEvent)
    {
        Notifiers.InvalidateStart(mmuEvent);
        var released = new List<PageEntry>();
        using (_states.Lock.EnterWrite())
            _states.DropLocked(mmuEvent.Interval, released);
        _ = Shared.Remove(mmuEvent.Interval);
        Notifiers.InvalidateEnd();
        ReleaseAll(released);
    }

    /// <summary>Gives device frames and exclusive holds of forgotten pages back, run by run.</summary>
    /// <param name="released">Their entries.</param>
    private void ReleaseAll(List<PageEntry> released)
    {
        for (int i = 0; i < released.Count;)
        {
            PageEntry first = released[i];
            int run = 1;
            if (first.IsExclusive)
            {
                while (i + run < released.Count && released[i + run].IsExclusive && released[i + run].Hold == first.Hold)
                    run++;
                ReleaseHold(first.Hold, run);
            }
            else
            {
                while (i + run < released.Count && released[i + run].IsDevice && released[i + run].Pagemap == first.Pagemap
                    && released[i + run].Frame.Number == first.Frame.Number + run)
                    run++;
                _owners[first.Pagemap]!.ReleaseFrames(first.Frame, run);
            }

            i += run;
        }
    }
}
