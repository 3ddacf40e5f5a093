// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>
/// Reads the host address space on a device's behalf, and faults pages in where asked. Kernel: hmm_range_fault in its newest, unlocked form: the walk only
/// records what is missing, the faulting happens outside it, with no lock held.
/// </summary>
/// <remarks>An answer is a snapshot: it may be used only after the notifier's sequence has been found unchanged under the client's lock.</remarks>
public static class HmmRange
{
    /// <summary>Tells what is at each page now, without changing anything.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="interval">At most 512 pages, page aligned, inside one mapping.</param>
    /// <param name="owner">Device pages of pagemaps with this owner are reported; of others they count as absent. 0 sees none.</param>
    /// <param name="workspace">Receives the frames.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ProcessGone"/>.</returns>
    public static SvmStatus Snapshot(HostAddressSpace host, AddressRange interval, int owner, HostWorkspace workspace)
    {
        using (host.Lock.EnterRead())
            return Walk(host, interval, HmmRequest.Snapshot, owner, workspace, out _);
    }

    /// <summary>Makes every page of the interval present as requested and tells where each is.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="interval">At most 512 pages, page aligned.</param>
    /// <param name="request">Read or write.</param>
    /// <param name="owner">Device pages of pagemaps with this owner stay where they are; others come home first. 0 brings everything home.</param>
    /// <param name="deadline">Stopwatch ticks after which to give up.</param>
    /// <param name="workspace">Receives the frames.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ReadOnly"/>, <see cref="SvmStatus.ProcessGone"/>,
    /// <see cref="SvmStatus.OutOfHostMemory"/>, <see cref="SvmStatus.CopyFailed"/>; <see cref="SvmStatus.Busy"/> past the deadline.</returns>
    /// <remarks>Locking: takes Host shared for each walk; holds nothing while it faults or waits.</remarks>
    public static SvmStatus Fault(HostAddressSpace host, AddressRange interval, HmmRequest request, int owner, long deadline, HostWorkspace workspace)
    {
        LockOrder.AssertNothingAtOrBelow(LockRank.Host);
        SchedulePoint.Reach(SchedulePointKind.HmmFault, host);
        while (true)
        {
            SvmStatus status;
            int missing;
            using (host.Lock.EnterRead())
                status = Walk(host, interval, request, owner, workspace, out missing);
            if (status != SvmStatus.Done || missing < 0)
                return status;
            if (Stopwatch.GetTimestamp() > deadline)
                return SvmStatus.Busy;
            status = FaultOne(host, interval, missing, request, workspace);
            if (status != SvmStatus.Done && !status.IsRetry())
                return status;
        }
    }

    /// <summary>One pass over the interval.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="interval">The interval.</param>
    /// <param name="request">What is wanted.</param>
    /// <param name="owner">Whose device pages may be reported.</param>
    /// <param name="workspace">Receives entries, pages and frames.</param>
    /// <param name="missing">The first page that is not as wanted, or -1.</param>
    /// <returns>The status of the mapping itself.</returns>
    /// <remarks>Locking: Host held.</remarks>
    private static SvmStatus Walk(HostAddressSpace host, AddressRange interval, HmmRequest request, int owner, HostWorkspace workspace, out int missing)
    {
        missing = -1;
        host.Lock.AssertHeld();
        if (!host.IsAlive)
            return SvmStatus.ProcessGone;
        if (!host.TryFindMapping(interval.Start, out HostMapping mapping) || !mapping.Interval.Contains(interval) || !mapping.IsReadable)
            return SvmStatus.NotMapped;
        if (request == HmmRequest.Write && !mapping.IsWritable)
            return SvmStatus.ReadOnly;
        int pages = (int)interval.Pages;
        Span<PageEntry> entries = workspace.Entries.AsSpan(0, pages);
        host.ReadEntries(interval, entries);
        for (int page = 0; page < pages;)
        {
            int run = 1;
            bool isHost = entries[page].IsHost;
            while (page + run < pages && entries[page + run].IsHost == isHost)
                run++;
            SvmStatus status = isHost
                ? WalkHostRun(host, interval, page, run, request, workspace, ref missing)
                : WalkEntryRun(host, page, run, request, owner, workspace, ref missing);
            if (status != SvmStatus.Done)
                return status;
            page += run;
        }

        return SvmStatus.Done;
    }

    /// <summary>Fills the frames of a run of pages that the host memory answers for.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="interval">The whole interval.</param>
    /// <param name="first">The run's first page.</param>
    /// <param name="run">The run's length.</param>
    /// <param name="request">What is wanted.</param>
    /// <param name="workspace">Receives the frames.</param>
    /// <param name="missing">Set to the first unsuitable page if it is still -1.</param>
    /// <returns>The host memory's status.</returns>
    private static SvmStatus WalkHostRun(
        HostAddressSpace host, AddressRange interval, int first, int run, HmmRequest request, HostWorkspace workspace, ref int missing)
    {
        Span<HostPage> pages = workspace.Pages.AsSpan(first, run);
        SvmStatus status = host.Memory.Query(AddressRange.OfPages(interval.Start + ((long)first << PageSize.Shift), run), pages);
        if (status != SvmStatus.Done)
            return status;
        for (int i = 0; i < run; i++)
        {
            HmmFrame frame = HmmFrame.OfHost(pages[i]);
            workspace.Frames[first + i] = frame;
            if (missing < 0 && request != HmmRequest.Snapshot && (!frame.IsValid || (request == HmmRequest.Write && !frame.IsWritable)))
                missing = first + i;
        }

        return SvmStatus.Done;
    }

    /// <summary>Fills the frames of a run of pages that have entries of their own.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="first">The run's first page.</param>
    /// <param name="run">The run's length.</param>
    /// <param name="request">What is wanted.</param>
    /// <param name="owner">Whose device pages may be reported.</param>
    /// <param name="workspace">Holds the entries, receives the frames.</param>
    /// <param name="missing">Set to the first unsuitable page if it is still -1.</param>
    /// <returns>Always <see cref="SvmStatus.Done"/>.</returns>
    private static SvmStatus WalkEntryRun(
        HostAddressSpace host, int first, int run, HmmRequest request, int owner, HostWorkspace workspace, ref int missing)
    {
        for (int page = first; page < first + run; page++)
        {
            PageEntry entry = workspace.Entries[page];
            HmmFrame frame = entry.IsMigrating ? HmmFrame.Busy
                : owner != 0 && host.OwnerOf(entry.Pagemap) == owner ? HmmFrame.OfDevice(entry)
                : HmmFrame.Absent;
            workspace.Frames[page] = frame;
            if (missing < 0 && request != HmmRequest.Snapshot && !frame.IsValid)
                missing = page;
        }

        return SvmStatus.Done;
    }

    /// <summary>Makes progress on the first page that was not as wanted: waits for its migration, brings it home, or populates what is absent around it.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="interval">The whole interval.</param>
    /// <param name="page">The page.</param>
    /// <param name="request">What is wanted.</param>
    /// <param name="workspace">Holds the entries of the last walk.</param>
    /// <returns>The status of the step; done and the retry family mean "walk again".</returns>
    private static SvmStatus FaultOne(HostAddressSpace host, AddressRange interval, int page, HmmRequest request, HostWorkspace workspace)
    {
        VirtualAddress address = interval.Start + ((long)page << PageSize.Shift);
        PageEntry entry = workspace.Entries[page];
        if (entry.IsMigrating)
        {
            host.WaitForMigration(address);
            return SvmStatus.Retry;
        }

        if (entry.IsDevice)
            return host.MigrateHome(address, entry, MigrationCause.HostFault);
        int end = page + 1;
        int limit = interval.PageIndexOf(interval.Intersect(address.Block(PageOrder.Huge)).End); // A claim stays inside 2 MiB.
        while (end < limit && workspace.Entries[end].IsHost)
            end++;
        MemoryAccess access = request == HmmRequest.Write ? MemoryAccess.Write : MemoryAccess.Read;
        return host.Populate(AddressRange.OfPages(address, end - page), access);
    }
}
