// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Host;

/// <summary>CPU faults and events: what the host memory's service threads call.</summary>
public sealed partial class HostAddressSpace
{
    /// <inheritdoc/>
    /// <remarks>Never takes the Host lock and never waits for a claim; see the type's remarks.</remarks>
    public SvmStatus CpuFault(VirtualAddress address, MemoryAccess access)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        VirtualAddress page = address.AlignDown(PageOrder.Small);
        bool migrated = false;
        SvmStatus status = SvmStatus.Busy;
        for (int attempt = 0; attempt < MaxFaultAttempts && status.IsRetry(); attempt++)
        {
            if (!_states.TryGetForFault(page, out PageEntry entry))
            {
                status = SvmStatus.NotMapped;
                break;
            }
            if (entry.IsMigrating)
            {
                Counters.CountCpuFault(start, migrated);
                return SvmStatus.Busy; // The claim's end wakes the thread.
            }
            if (entry.IsDevice)
            {
                status = _owners[entry.Pagemap].MigrateToRam(page, entry, MigrationCause.CpuFault);
                migrated = status == SvmStatus.Done;
            }
            else
            {
                status = PopulateForCpu(page, access);
            }
        }
        if (status.IsRetry())
        {
            Memory.Wake(AddressRange.OfPages(page, 1)); // Contention is no reason to fail an access: let the thread touch again.
            status = SvmStatus.Done;
        }
        Counters.CountCpuFault(start, migrated);
        return status;
    }

    /// <inheritdoc/>
    public void EnterEventGate() => _states.Lock.EnterGate();

    /// <inheritdoc/>
    public void LeaveEventGate()
    {
        if (_events.Count == 0)
        {
            _states.Lock.ExitGate();
            return;
        }
        MmuEvent[] events = [.. _events];
        PageEntry[] released = [.. _released];
        _events.Clear();
        _released.Clear();
        _states.Lock.ExitGate();
        foreach (MmuEvent mmuEvent in events)
        {
            Notifiers.InvalidateStart(mmuEvent);
            Notifiers.InvalidateEnd();
        }
        ReleaseAll(released);
    }

    /// <inheritdoc/>
    public void Unmapped(AddressRange interval) => DropInGate(new MmuEvent(interval, MmuEventKind.Unmap));

    /// <inheritdoc/>
    public void Discarded(AddressRange interval) => DropInGate(new MmuEvent(interval, MmuEventKind.Clear));

    /// <inheritdoc/>
    /// <remarks>Pages stay where they are; devices lose their mappings, and device pages lose the right to be written until a fault gives it back .</remarks>
    public void ProtectionChanged(AddressRange interval)
    {
        _states.ProtectLocked(interval);
        _events.Add(new MmuEvent(interval, MmuEventKind.Protection));
    }

    /// <inheritdoc/>
    /// <remarks>Devices lose the old interval; what they had of it they find at the new one when they touch it .</remarks>
    public void Remapped(AddressRange from, AddressRange to)
    {
        _states.MoveLocked(from, to, _released);
        _events.Add(new MmuEvent(from, MmuEventKind.Unmap));
    }

    /// <summary>Serves a CPU touch of a page the host answers for: absent, the zero page, or write-protected.</summary>
    /// <param name="page">The page.</param>
    /// <param name="access">What the CPU wants.</param>
    /// <returns>As <see cref="CpuFault"/>, with the retry family for a lost race.</returns>
    private SvmStatus PopulateForCpu(VirtualAddress page, MemoryAccess access)
    {
        if (!TryFindMapping(page, out HostMapping mapping) || !mapping.Interval.Contains(page))
            return SvmStatus.NotMapped;
        if (access == MemoryAccess.Write ? !mapping.IsWritable : !mapping.IsReadable)
            return SvmStatus.ReadOnly;
        AddressRange huge = page.Block(PageOrder.Huge);
        if (access == MemoryAccess.Write && (Memory.Capabilities & HostMemoryCapabilities.HugePages) != 0
            && mapping.Interval.Contains(huge) && _states.ClaimHost(huge) == SvmStatus.Done)
        {
            if (IsAbsent(huge))
                return PopulateClaimed(huge, access);
            Unclaim(huge);
        }
        AddressRange medium = page.Block(PageOrder.Medium).Intersect(mapping.Interval);
        if (_states.ClaimHost(medium) == SvmStatus.Done)
            return PopulateClaimed(medium, access);
        AddressRange small = AddressRange.OfPages(page, 1);
        SvmStatus status = _states.ClaimHost(small);
        if (status == SvmStatus.MixedPlacement)
            return SvmStatus.Retry;
        return status == SvmStatus.Done ? PopulateClaimed(small, access) : status;
    }

    /// <summary>Whether the host memory has no page in a huge block.</summary>
    /// <param name="huge">The block, claimed.</param>
    /// <returns>True if it has none.</returns>
    private bool IsAbsent(AddressRange huge)
    {
        HostWorkspace workspace = RentWorkspace();
        bool absent = Memory.Query(huge, workspace.Pages) == SvmStatus.Done;
        for (int page = 0; page < PageSize.PagesPerHuge && absent; page++)
            absent = !workspace.Pages[page].IsPresent;
        ReturnWorkspace(workspace);
        return absent;
    }

    /// <summary>Populates a claimed interval and ends the claim.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="access">What will be done with the pages.</param>
    /// <returns>The host memory's status.</returns>
    private SvmStatus PopulateClaimed(AddressRange interval, MemoryAccess access)
    {
        SvmStatus status = Injection.ShouldFail(InjectionPoint.HostPopulate) ? SvmStatus.OutOfHostMemory : Memory.Populate(interval, access);
        Unclaim(interval);
        return status;
    }

    /// <summary>Ends a claim of host pages that have not moved.</summary>
    /// <param name="interval">The interval, wholly claimed.</param>
    private void Unclaim(AddressRange interval)
    {
        HostWorkspace workspace = RentWorkspace();
        WakeIf(_states.SettleUnchanged(interval, workspace.AllPages, dropped: null), interval);
        ReturnWorkspace(workspace);
    }

    /// <summary>Wakes CPU threads that wait for pages of an interval.</summary>
    /// <param name="waiters">Whether there are any.</param>
    /// <param name="interval">The interval.</param>
    private void WakeIf(bool waiters, AddressRange interval)
    {
        if (waiters)
            Memory.Wake(interval);
    }

    /// <summary>Applies an event inside the gate; what it calls for follows when the gate closes.</summary>
    /// <param name="mmuEvent">The event.</param>
    private void DropInGate(MmuEvent mmuEvent)
    {
        _states.DropLocked(mmuEvent.Interval, _released);
        _events.Add(mmuEvent);
    }

    /// <summary>Makes devices lose an interval, then forgets its pages and releases their frames.</summary>
    /// <param name="mmuEvent">The event.</param>
    private void DropAndInvalidate(in MmuEvent mmuEvent)
    {
        Notifiers.InvalidateStart(mmuEvent);
        var released = new List<PageEntry>();
        using (_states.Lock.Enter())
            _states.DropLocked(mmuEvent.Interval, released);
        Notifiers.InvalidateEnd();
        ReleaseAll(released);
    }

    /// <summary>Gives device frames of forgotten pages back to their owners, run by run.</summary>
    /// <param name="released">Their entries.</param>
    private void ReleaseAll(IReadOnlyList<PageEntry> released)
    {
        for (int i = 0; i < released.Count;)
        {
            PageEntry first = released[i];
            int run = 1;
            while (i + run < released.Count && released[i + run].Pagemap == first.Pagemap && released[i + run].Frame.Number == first.Frame.Number + run)
                run++;
            _owners[first.Pagemap].ReleaseFrames(first.Frame, run);
            i += run;
        }
    }
}
