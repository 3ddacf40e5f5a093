// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <content>CPU faults: what the host memory's service threads call.</content>
public sealed partial class HostAddressSpace
{
    private static readonly AddressRange _wakeable = new(new VirtualAddress(1 << 16), new VirtualAddress((1UL << 47) - PageSize.Bytes)); // Where a page can be.

    /// <inheritdoc/>
    /// <remarks>Never takes the Host lock and never waits for a claim; see the type's remarks.</remarks>
    public SvmStatus CpuFault(VirtualAddress address, MemoryAccess access)
    {
        using var balance = LockBalance.Begin();
        if (!TryUse())
            return SvmStatus.ProcessGone;
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        SvmStatus status = ServeCpuFault(address.AlignDown(PageOrder.Small), access, out bool migrated);
        Counters.CountCpuFault(start, migrated);
        Events.CpuFault(address, access, migrated, status, start);
        EndUseLater(); // A service thread, which the end of the process side would wait for.
        return status;
    }

    /// <summary>As <see cref="Populate"/>, by somebody who uses the process side.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="access">What will be done with them.</param>
    /// <param name="workspace">The caller's, with an idle migration.</param>
    /// <returns>The same.</returns>
    internal SvmStatus PopulateInUse(AddressRange interval, MemoryAccess access, HostWorkspace workspace)
    {
        if (IsReaped)
            return SvmStatus.ProcessGone;
        SvmStatus status = _states.ClaimHost(interval, workspace.Migration.Claimer);
        if (status == SvmStatus.Busy)
        {
            _states.WaitForMigration(interval.Start);
            return SvmStatus.Retry;
        }
        if (status == SvmStatus.MixedPlacement)
            return SvmStatus.Retry;
        return status == SvmStatus.Done ? PopulateClaimed(interval, access, MigrationCause.HostFault, workspace) : status;
    }

    /// <summary>Looks at a touched page until its touch has been served.</summary>
    /// <param name="page">The page.</param>
    /// <param name="access">What the thread wants.</param>
    /// <param name="migrated">Whether it came back from a device.</param>
    /// <returns>As <see cref="CpuFault"/>.</returns>
    private SvmStatus ServeCpuFault(VirtualAddress page, MemoryAccess access, out bool migrated)
    {
        migrated = false;
        SvmStatus status = SvmStatus.Busy;
        for (int attempt = 0; attempt < MaxFaultAttempts && status.IsRetry(); attempt++)
        {
            if (!_states.TryGetForFault(page, out PageEntry entry))
                return SvmStatus.NotMapped;
            if (IsReaped)
                return SvmStatus.ProcessGone;
            if (entry.IsMigrating)
                return SvmStatus.Busy; // The claim's end wakes the thread.
            if (entry.IsDevice && _deferrals.TryDefer(page, Volatile.Read(ref _owners[entry.Pagemap]), entry)) // Pairs with UnregisterPagemap.
                return SvmStatus.Busy; // The guaranteed time's end wakes the thread.
            if (entry.IsDevice || entry.IsExclusive)
            {
                status = MigrateHomeInUse(page, entry, MigrationCause.CpuFault);
                migrated = entry.IsDevice && status == SvmStatus.Done;
                continue;
            }

            if (TryRentWorkspace() is not { } workspace)
                return SvmStatus.OutOfHostMemory;
            status = PopulateForCpu(page, access, workspace);
            ReturnWorkspace(workspace);
            if (status.IsRetry())
                SchedulePoint.TryYield(); // Whoever was faster, or has an event to read, needs a turn.
        }
        if (!status.IsRetry())
            return status;
        Memory.Wake(AddressRange.OfPages(page, 1)); // Contention is no reason to fail an access: let the thread touch again.
        return SvmStatus.Done;
    }

    /// <summary>Serves a CPU touch of a page the host answers for: absent, the zero page, or write-protected.</summary>
    /// <param name="page">The page.</param>
    /// <param name="access">What the CPU wants.</param>
    /// <param name="workspace">The caller's, with an idle migration.</param>
    /// <returns>As <see cref="CpuFault"/>, with the retry family for a lost race.</returns>
    private SvmStatus PopulateForCpu(VirtualAddress page, MemoryAccess access, HostWorkspace workspace)
    {
        int claimer = workspace.Migration.Claimer;
        if (!TryFindMapping(page, out HostMapping mapping) || !mapping.Interval.Contains(page))
            return SvmStatus.NotMapped;
        if (access == MemoryAccess.Write ? !mapping.IsWritable : !mapping.IsReadable)
            return SvmStatus.ReadOnly;
        if (access == MemoryAccess.Write && Shared.RunAround(page) is { } run && _states.ClaimHost(run.Intersect(mapping.Interval), claimer) == SvmStatus.Done)
            return PopulateClaimed(run.Intersect(mapping.Interval), access, MigrationCause.CpuFault, workspace);
        AddressRange huge = page.Block(PageOrder.Huge);
        if (access == MemoryAccess.Write && LargestFirstTouch == PageOrder.Huge && (Memory.Capabilities & HostMemoryCapabilities.HugePages) != 0
            && mapping.Interval.Contains(huge) && _states.ClaimHost(huge, claimer) == SvmStatus.Done)
        {
            if (IsAbsent(huge, workspace))
                return PopulateClaimed(huge, access, MigrationCause.CpuFault, workspace);
            Unclaim(huge, workspace);
        }
        AddressRange medium = page.Block(PageOrder.Medium).Intersect(mapping.Interval);
        if (LargestFirstTouch >= PageOrder.Medium && _states.ClaimHost(medium, claimer) == SvmStatus.Done)
            return PopulateClaimed(medium, access, MigrationCause.CpuFault, workspace);
        AddressRange small = AddressRange.OfPages(page, 1);
        SvmStatus status = _states.ClaimHost(small, claimer);
        if (status == SvmStatus.MixedPlacement)
            return SvmStatus.Retry;
        return status == SvmStatus.Done ? PopulateClaimed(small, access, MigrationCause.CpuFault, workspace) : status;
    }

    /// <summary>Whether the host memory has no page in a huge block.</summary>
    /// <param name="huge">The block, claimed.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>True if it has none.</returns>
    private bool IsAbsent(AddressRange huge, HostWorkspace workspace)
    {
        bool absent = Query(huge, workspace.Pages) == SvmStatus.Done;
        for (int page = 0; page < PageSize.PagesPerHuge && absent; page++)
            absent = !workspace.Pages[page].IsPresent;
        return absent;
    }

    /// <summary>Populates a claimed interval and ends the claim.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="access">What will be done with the pages.</param>
    /// <param name="cause">On whose behalf: what is told of copies that go because of it.</param>
    /// <param name="workspace">Whose migration claimed it.</param>
    /// <returns>The host memory's status; <see cref="SvmStatus.Retry"/> if the addresses are other pages' by now.</returns>
    private SvmStatus PopulateClaimed(AddressRange interval, MemoryAccess access, MigrationCause cause, HostWorkspace workspace)
    {
        LockOrder.AssertNotHeld(LockRank.Notifier); // INV-25.
        bool collapses = access != MemoryAccess.Read && BeginCollapse(interval, cause);
        SvmStatus status;
        if (Injection.ShouldFail(InjectionPoint.HostPopulate))
        {
            status = SvmStatus.OutOfHostMemory;
        }
        else if (Injection.ShouldFail(InjectionPoint.HostPending))
        {
            status = SvmStatus.Retry;
        }
        else if (MayRemap)
        {
            using (_states.Lock.EnterWrite())
                status = _states.IsInPlaceLocked(interval, workspace.Migration.Claimer) ? Memory.Populate(interval, access) : SvmStatus.Retry;
        }
        else
        {
            status = Memory.Populate(interval, access);
        }

        if (collapses)
            Notifiers.InvalidateEnd();
        Unclaim(interval, workspace);
        return status;
    }

    /// <summary>Ends a claim of host pages that have not moved.</summary>
    /// <param name="interval">The interval, wholly claimed.</param>
    /// <param name="workspace">Whose migration claimed it.</param>
    private void Unclaim(AddressRange interval, HostWorkspace workspace) =>
        WakeFor(_states.Settle(interval, workspace.Migration.Claimer, workspace.AllPages, workspace.NoEntries, default), interval);

    /// <summary>Wakes CPU threads that wait for pages whose claims have ended.</summary>
    /// <param name="result">Which.</param>
    /// <param name="interval">The interval that was claimed.</param>
    private void WakeFor(SettleResult result, AddressRange interval)
    {
        if (result != SettleResult.Nobody)
            Memory.Wake(result == SettleResult.Interval ? interval : _wakeable);
    }
}
