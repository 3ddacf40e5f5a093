// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Vm;

/// <content>What a device sees of the process, and taking pages for a device alone.</content>
public sealed partial class GpuVm
{
    private const int SnapshotAttempts = 64;
    private const int ExclusiveMilliseconds = 1000;

    /// <summary>Lists an interval's pages in address order, without gaps, as a device would find them. Nothing is touched or moved for it. Kernel: hmm_range_fault that asks for nothing.</summary>
    /// <param name="interval">Page aligned; it need not be mapped.</param>
    /// <param name="device">Whose eyes: memory of devices that it cannot reach is <see cref="PagePlace.OtherDevice"/>.</param>
    /// <param name="runs">Receives the runs; neighbours differ.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.InvalidArgument"/> for an interval that is not page aligned, or no such device; <see cref="SvmStatus.ProcessGone"/>,
    /// <see cref="SvmStatus.OutOfHostMemory"/>; <see cref="SvmStatus.Busy"/> if mappings kept changing. After a failure the list holds what was learned before it.</returns>
    /// <remarks>2 MiB by 2 MiB: pages that move meanwhile are told of at one of their places, or as moving. Long holes are not walked. Locking: must hold nothing.</remarks>
    public SvmStatus Snapshot(AddressRange interval, int device, List<PageRun> runs)
    {
        if (!interval.IsPageAligned || (uint)device >= (uint)_devices.Length)
            return SvmStatus.InvalidArgument;
        if (Host.TryRentWorkspace() is not { } workspace)
            return SvmStatus.OutOfHostMemory;
        SvmStatus status = Host.TryUse() ? SvmStatus.Done : SvmStatus.ProcessGone;
        if (status == SvmStatus.Done)
        {
            for (VirtualAddress at = interval.Start; status == SvmStatus.Done && at < interval.End;)
                status = SnapshotPiece(new AddressRange(at, interval.End), _devices[device].Pagemap.OwnerToken, workspace, runs, out at);
            Host.EndUse();
        }

        Host.ReturnWorkspace(workspace);
        return status;
    }

    /// <summary>Takes the pages of an interval from the CPU, for the devices that share the given one's memory alone. They stay in RAM, or on those devices where they are there.
    /// Kernel: make_device_exclusive over an interval.</summary>
    /// <param name="interval">Page aligned, inside mappings.</param>
    /// <param name="device">The device.</param>
    /// <returns>As <see cref="HmmRange.Fault"/> for an exclusive request; <see cref="SvmStatus.NotSupported"/> from a memory whose CPU cannot take a page back;
    /// <see cref="SvmStatus.InvalidArgument"/> for an interval that is not page aligned, or no such device.</returns>
    /// <remarks>A CPU touch takes a page back at any time, and the oldest are given back where too many would be exclusive. Locking: must hold nothing.</remarks>
    public SvmStatus MakeExclusive(AddressRange interval, int device)
    {
        if (!interval.IsPageAligned || (uint)device >= (uint)_devices.Length)
            return SvmStatus.InvalidArgument;
        if ((Host.Memory.Capabilities & HostMemoryCapabilities.CpuFaults) == 0)
            return SvmStatus.NotSupported;
        if (Host.TryRentWorkspace() is not { } workspace)
            return SvmStatus.OutOfHostMemory;
        SvmStatus status = SvmStatus.Done;
        for (VirtualAddress at = interval.Start; status == SvmStatus.Done && at < interval.End;)
        {
            AddressRange piece = at.Block(PageOrder.Huge).Intersect(new AddressRange(at, interval.End));
            var budget = new RetryBudget(Host.Time, ExclusiveMilliseconds);
            status = HmmRange.Fault(Host, piece, new HmmQuery(HmmRequest.Exclusive, _devices[device].Pagemap.OwnerToken), ref budget, workspace);
            at = piece.End;
        }

        Host.ReturnWorkspace(workspace);
        return status;
    }

    /// <summary>Lists the first pages of an interval: a hole, or as far as one 2 MiB block reaches.</summary>
    /// <param name="interval">The interval, not empty.</param>
    /// <param name="owner">Whose memory is seen.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="runs">Receives the runs.</param>
    /// <param name="next">Where to go on.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why nothing was listed.</returns>
    private SvmStatus SnapshotPiece(AddressRange interval, int owner, HostWorkspace workspace, List<PageRun> runs, out VirtualAddress next)
    {
        next = interval.Start;
        bool isMapped = Host.TryFindMapping(interval.Start, out HostMapping mapping) && mapping.Interval.Start < interval.End;
        if (!isMapped || mapping.Interval.Start > interval.Start)
        {
            next = isMapped ? mapping.Interval.Start : interval.End;
            IPageRun<PageRun>.Append(runs, new PageRun(new AddressRange(interval.Start, next), PagePlace.Unmapped, -1, false, PageOrder.Small));
            return SvmStatus.Done;
        }

        AddressRange piece = interval.Start.Block(PageOrder.Huge).Intersect(interval);
        SvmStatus status = SvmStatus.Retry;
        for (int attempt = 0; attempt < SnapshotAttempts && status == SvmStatus.Retry; attempt++)
            status = HmmRange.Snapshot(Host, piece, owner, workspace);
        if (status != SvmStatus.Done)
            return status == SvmStatus.Retry ? SvmStatus.Busy : status;
        for (int page = 0; page < (int)piece.Pages; page++)
        {
            HmmFrame frame = workspace.Frames[page];
            PagePlace place = PlaceOf(frame, workspace.Entries[page], out int device);
            var run = new PageRun(AddressRange.OfPages(piece.Start + ((long)page << PageSize.Shift), 1), place, device, frame.IsWritable, frame.Order);
            IPageRun<PageRun>.Append(runs, run.IsPresent ? run : run with { IsWritable = false, Order = PageOrder.Small });
        }

        next = piece.End;
        return SvmStatus.Done;
    }

    /// <summary>Where a page is, as a device sees it.</summary>
    /// <param name="frame">What the walk found.</param>
    /// <param name="entry">The entry that it looked at.</param>
    /// <param name="device">The device that has it; -1 if none of the VM has.</param>
    /// <returns>The place.</returns>
    private PagePlace PlaceOf(HmmFrame frame, PageEntry entry, out int device)
    {
        device = -1;
        if (frame.IsError)
            return PagePlace.Unmapped;
        if (frame.IsBusy)
            return PagePlace.Moving;
        if (!frame.IsValid)
            return entry.IsExclusive ? PagePlace.Exclusive : entry.IsDevice ? PagePlace.OtherDevice : PagePlace.Nowhere;
        if (frame.IsExclusive)
            return PagePlace.Exclusive;
        if (!frame.IsDevice)
            return frame.IsZero ? PagePlace.Zero : PagePlace.Ram;
        device = Array.FindIndex(_devices, candidate => candidate.Pagemap.Index == frame.Pagemap);
        return device >= 0 ? PagePlace.Device : PagePlace.OtherDevice;
    }
}
