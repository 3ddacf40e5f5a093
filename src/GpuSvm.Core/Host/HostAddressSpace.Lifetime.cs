// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <content>How long the process side lives.</content>
/// <remarks>
/// The structure (notifiers, page states, locks) lives as long as somebody refers to it. The process side (the memory, its mappings, the pages) lives while somebody
/// uses it: a count that begins at one, which <see cref="Dispose"/> takes back. It is kept in stripes, since every fault counts several times: only after <see cref="Dispose"/> does anybody
/// need the sum, and then it cannot be zero too early: who is in has counted itself in before, and counts itself out later. Each call that needs the process side counts itself in, or answers
/// <see cref="SvmStatus.ProcessGone"/>; whoever counts itself out last ends it. After <see cref="Dispose"/> nobody can count itself in any more, so the end comes when the
/// calls that were under way have returned. A migration counts from setup to completion.
/// Kernel: mm_count and mm_users.
/// </remarks>
public sealed partial class HostAddressSpace
{
    private readonly ManualResetEventSlim _ended = new(); // Set by End; never disposed, since callers may come at any time.
    private readonly StripedSums _users = new(1); // The process side lives while the sum is above 0, or Dispose has not come.
    private int _disposed; // Interlocked.
    private int _ending; // Interlocked; who sets it ends the process side.

    /// <summary>Whether the process side can still be used by newcomers.</summary>
    public bool IsAlive => Volatile.Read(ref _disposed) == 0; // Pairs with the exchange in Dispose.

    /// <summary>Whether the process side has ended: everybody has let go of it, and its memory has been given up.</summary>
    public bool HasEnded => _ended.IsSet;

    /// <summary>How many use the process side now, beside the one that <see cref="Dispose"/> ends; 0 between calls (INV-23).</summary>
    public int Users => (int)_users.Read(0);

    /// <summary>Keeps the process side alive for the time of a call. Kernel: mmget_not_zero.</summary>
    /// <returns>False if it has ended: answer <see cref="SvmStatus.ProcessGone"/>. True: balance with <see cref="EndUse"/> or <see cref="EndUseLater"/>.</returns>
    public bool TryUse()
    {
        SchedulePoint.Reach(SchedulePointKind.UseBeginning, this);
        _users.Add(0, 1); // Before the look: either Dispose's sum has it, or it sees Dispose.
        if (IsAlive)
            return true;
        CountOut(isLater: true); // It may have kept the last one from ending it.
        return false;
    }

    /// <summary>Ends a use; the last one after <see cref="Dispose"/> ends the process side. Kernel: mmput.</summary>
    /// <remarks>Locking: nothing of rank Host or deeper may be held. Not for the memory's service threads, which the end waits for.</remarks>
    public void EndUse()
    {
        LockOrder.AssertNothingAtOrBelow(LockRank.Host);
        SchedulePoint.Reach(SchedulePointKind.UseEnding, this);
        CountOut(isLater: false);
    }

    /// <summary>Ends a use where locks may be held or on a thread of the memory's own: if it was the last, the process side ends on another thread. Kernel: mmput_async.</summary>
    public void EndUseLater()
    {
        SchedulePoint.Reach(SchedulePointKind.UseEnding, this);
        CountOut(isLater: true);
    }

    /// <summary>Ends the process side: from now on nobody can begin to use it, and when the last call that does has ended, notifiers are told that everything goes and the memory is given up.
    /// The structure stays, and answers <see cref="SvmStatus.ProcessGone"/>.</summary>
    /// <remarks>Does not wait for calls under way: <see cref="WaitForEnd"/> does.</remarks>
    public void Dispose()
    {
        SchedulePoint.Reach(SchedulePointKind.Atomic, this);
        if (Interlocked.Exchange(ref _disposed, 1) != 0) // Pairs with IsAlive.
            return;
        LockOrder.AssertNothingAtOrBelow(LockRank.Host);
        SchedulePoint.Reach(SchedulePointKind.UseEnding, this);
        EndIfUnused(isLater: false);
    }

    /// <summary>Waits, after <see cref="Dispose"/>, until the last user has gone and the memory has been given up.</summary>
    /// <remarks>Locking: a wait for everybody; nothing may be held, and the caller may not be a user itself.</remarks>
    public void WaitForEnd()
    {
        LockOrder.CheckTake(LockRank.Vm, "end of the process side");
        while (!_ended.IsSet && SchedulePoint.TryWait(this))
            ; // The end signals.
        _ended.Wait();
    }

    /// <summary>Counts a use out.</summary>
    /// <param name="isLater">Whether the end, if this was the last, comes on another thread.</param>
    private void CountOut(bool isLater)
    {
        _users.Add(0, -1); // Before the look: of several that go at once the last one sees all of them gone.
        if (!IsAlive)
            EndIfUnused(isLater);
    }

    /// <summary>Ends the process side if nobody uses it; <see cref="Dispose"/> has come.</summary>
    /// <param name="isLater">Whether on another thread.</param>
    private void EndIfUnused(bool isLater)
    {
        if (_users.Read(0) != 0 || Interlocked.Exchange(ref _ending, 1) != 0)
            return;
        if (!isLater)
            End();
        else if (!SchedulePoint.TryStart("end of the process side", End))
            ThreadPool.UnsafeQueueUserWorkItem(static host => host.End(), this, preferLocal: false);
    }

    /// <summary>The end of the process side, once. Kernel: exit_mmap.</summary>
    private void End()
    {
        SchedulePoint.Reach(SchedulePointKind.ProcessEnding, this);
        DropAndInvalidate(new MmuEvent(_everything, MmuEventKind.Release));
        foreach (IDevicePageOwner? owner in _owners)
            owner?.AddressSpaceEnded();
        _deferrals.Dispose();
        Memory.Dispose();
        _ended.Set();
        SchedulePoint.Signal(this);
    }
}
