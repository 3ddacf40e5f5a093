// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.SoftwareGpu.Mirror;

/// <content>How entries come into the table, and what the device sees without faulting.</content>
public sealed partial class MirrorDevice
{
    private const int BatchPages = 64; // Pages faulted and stored at a time.
    private const int FaultMilliseconds = 1000;

    /// <summary>Makes pages present and stores their entries, in batches; what an earlier batch stored stays.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="access">What will be done with them.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMapped"/> (no mapping, or one that may not be read), <see cref="SvmStatus.ReadOnly"/>,
    /// <see cref="SvmStatus.NotSupported"/> (a page of our own memory that may not be written where it is); <see cref="SvmStatus.Busy"/> when time is up; a failure to bring
    /// a page home. Pages before the one that failed stay present.</returns>
    private SvmStatus Fault(AddressRange interval, MemoryAccess access)
    {
        HostWorkspace workspace = _host.RentWorkspace();
        SvmStatus status = SvmStatus.Done;
        for (VirtualAddress at = interval.Start; at < interval.End && status == SvmStatus.Done; at += BatchPages * PageSize.Bytes)
            status = FaultBatch(interval.Intersect(AddressRange.OfPages(at, BatchPages)), access == MemoryAccess.Write, workspace);
        _host.ReturnWorkspace(workspace);
        return status;
    }

    /// <summary>Faults one batch until its entries could be stored under an unchanged sequence.</summary>
    /// <param name="batch">The pages.</param>
    /// <param name="isWrite">Whether they will be written.</param>
    /// <param name="workspace">Receives what the walks find.</param>
    /// <returns>As <see cref="Fault"/>.</returns>
    private SvmStatus FaultBatch(AddressRange batch, bool isWrite, HostWorkspace workspace)
    {
        var budget = new RetryBudget(_host.Time, FaultMilliseconds);
        while (true)
        {
            long sequence = _host.ReadBegin(_notifier);
            SvmStatus status = MakePresent(batch, isWrite, ref budget, workspace);
            if (status != SvmStatus.Done)
                return status;
            using (_lock.Enter())
            {
                if (!_notifier.ReadRetry(sequence))
                    return StoreLocked(batch, isWrite, workspace.Frames);
            }

            if (!budget.TrySpend())
                return SvmStatus.Busy;
        }
    }

    /// <summary>Stores entries for what a walk has found.</summary>
    /// <param name="batch">The pages.</param>
    /// <param name="isWrite">Whether they will be written.</param>
    /// <param name="frames">What was found, all of it valid.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotSupported"/> at a page that may not be written, with the entries before it stored.</returns>
    private SvmStatus StoreLocked(AddressRange batch, bool isWrite, HmmFrame[] frames)
    {
        _lock.AssertHeld();
        for (int page = 0; page < (int)batch.Pages; page++)
        {
            HmmFrame frame = frames[page];
            if (isWrite && !frame.IsWritable)
                return SvmStatus.NotSupported;
            _table[batch.Start.PageNumber + (ulong)page] = frame.IsDevice
                ? new MirrorEntry(frame.Frame.Number, default, frame.IsWritable)
                : new MirrorEntry(-1, frame.Pointer, frame.IsWritable);
        }

        return SvmStatus.Done;
    }

    /// <summary>Faults until every page of a batch is there: at the first one missing, all that follow as far as the mapping goes.</summary>
    /// <param name="batch">The pages.</param>
    /// <param name="isWrite">Whether they will be written.</param>
    /// <param name="budget">How long it may take.</param>
    /// <param name="workspace">Receives what is there.</param>
    /// <returns>As <see cref="Fault"/>, without what storing can say.</returns>
    private SvmStatus MakePresent(AddressRange batch, bool isWrite, ref RetryBudget budget, HostWorkspace workspace)
    {
        do
        {
            SvmStatus status = HmmRange.Snapshot(_host, batch, OwnerToken, workspace);
            if (status.IsRetry())
                continue;
            if (status != SvmStatus.Done)
                return status;
            int missing = FirstMissing(workspace.Frames.AsSpan(0, (int)batch.Pages), isWrite);
            if (missing < 0)
                return SvmStatus.Done;
            VirtualAddress address = batch.Start + ((long)missing << PageSize.Shift);
            if (workspace.Frames[missing].IsError || !_host.TryFindMapping(address, out HostMapping mapping) || !mapping.Interval.Contains(address))
                return SvmStatus.NotMapped;
            if (isWrite && !mapping.IsWritable)
                return SvmStatus.ReadOnly;
            status = FaultRest(new AddressRange(address, batch.Intersect(mapping.Interval).End), isWrite, ref budget, workspace);
            if (status != SvmStatus.Done && !status.IsRetry())
                return status;
        }
        while (budget.TrySpend());
        return SvmStatus.Busy;
    }

    /// <summary>The first page that is not there for an access. A page of our own memory always is: whether it may be written shows when it is stored.</summary>
    /// <param name="frames">What was found.</param>
    /// <param name="isWrite">Whether they will be written.</param>
    /// <returns>Its index; -1 if there is none.</returns>
    private static int FirstMissing(ReadOnlySpan<HmmFrame> frames, bool isWrite)
    {
        for (int page = 0; page < frames.Length; page++)
        {
            if (!frames[page].IsValid || (isWrite && !frames[page].IsDevice && !frames[page].IsWritable))
                return page;
        }

        return -1;
    }

    /// <summary>Does to each page what a touch of the CPU would do: device pages come home, absent ones become present, the page of zeroes is replaced for a write.</summary>
    /// <param name="rest">Pages of one mapping that allows the access.</param>
    /// <param name="isWrite">Whether they will be written.</param>
    /// <param name="budget">How long it may take.</param>
    /// <param name="workspace">Scratch.</param>
    /// <returns>As <see cref="HmmRange.Fault"/>.</returns>
    /// <remarks>Peers may have mapped the page of zeroes, and hear of its end (kernel: wp_page_copy).</remarks>
    private SvmStatus FaultRest(AddressRange rest, bool isWrite, ref RetryBudget budget, HostWorkspace workspace)
    {
        SvmStatus status = HmmRange.Snapshot(_host, rest, owner: 0, workspace);
        if (status != SvmStatus.Done)
            return status;
        ulong zeroes = 0; // One bit a page; a batch has no more.
        for (int page = 0; page < (int)rest.Pages && isWrite; page++)
            zeroes |= workspace.Frames[page].IsZero ? 1UL << page : 0;
        var query = new HmmQuery(isWrite ? HmmRequest.Write : HmmRequest.Read, Owner: 0, KeepZeroPage: true);
        status = HmmRange.Fault(_host, rest, query, ref budget, workspace);
        for (int page = 0; zeroes != 0; page++, zeroes >>= 1)
        {
            if ((zeroes & 1) != 0)
                _host.Invalidate(new MmuEvent(AddressRange.OfPages(rest.Start + ((long)page << PageSize.Shift), 1), MmuEventKind.Clear));
        }

        return status;
    }

    /// <summary>What the device would see of each page without faulting.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="seen">One byte a page: FF no mapping, or not readable; 00 nothing; 01 readable, 02 writable; 10 added for the page of zeroes, 20 for our own memory, 04 for a
    /// huge page.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or as <see cref="HmmRange.Snapshot"/>.</returns>
    public SvmStatus Snapshot(AddressRange interval, Span<byte> seen)
    {
        _host.Memory.NoticeChanges(interval);
        HostWorkspace workspace = _host.RentWorkspace();
        SvmStatus status = HmmRange.Snapshot(_host, interval, OwnerToken, workspace);
        for (int page = 0; page < (int)interval.Pages && status == SvmStatus.Done; page++)
            seen[page] = Describe(workspace.Frames[page]);
        _host.ReturnWorkspace(workspace);
        return status;
    }

    /// <summary>The byte of a snapshot for a page.</summary>
    /// <param name="frame">What was found.</param>
    /// <returns>The byte.</returns>
    private static byte Describe(HmmFrame frame)
    {
        if (frame.IsError)
            return 0xFF;
        if (!frame.IsValid)
            return 0;
        int kind = frame.IsDevice ? 0x20 : frame.IsZero ? 0x10 : 0;
        int size = !frame.IsDevice && frame.Order == PageOrder.Huge ? 4 : 0;
        return (byte)(kind | size | (frame.IsWritable ? 2 : 1));
    }

    /// <summary>Compares each entry of the table with what the address space says of its page (INV-16). Nothing else may run meanwhile.</summary>
    /// <returns>What is wrong, one line an entry; empty if all agree.</returns>
    public IReadOnlyList<string> Check()
    {
        var wrong = new List<string>();
        HostWorkspace workspace = _host.RentWorkspace();
        KeyValuePair<ulong, MirrorEntry>[] entries;
        using (_lock.Enter())
            entries = [.. _table];
        foreach ((ulong page, MirrorEntry entry) in entries)
        {
            VirtualAddress address = VirtualAddress.OfPage(page);
            SvmStatus status = HmmRange.Snapshot(_host, AddressRange.OfPages(address, 1), OwnerToken, workspace);
            HmmFrame frame = workspace.Frames[0];
            bool agrees = status == SvmStatus.Done && frame.IsValid && frame.IsDevice == entry.IsDevice && (frame.IsWritable || !entry.IsWritable)
                && (entry.IsDevice ? frame.Frame.Number == entry.Frame : frame.Pointer == entry.Pointer);
            if (!agrees)
                wrong.Add($"device {OwnerToken}, page {address}: the table has '{entry}', a snapshot {Describe(frame):x2} ({status})");
        }

        _host.ReturnWorkspace(workspace);
        return wrong;
    }
}
