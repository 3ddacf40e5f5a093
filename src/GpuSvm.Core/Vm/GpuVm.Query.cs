// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Vm;

/// <content>What is advised of memory, and where it really is.</content>
public sealed partial class GpuVm
{
    /// <summary>Lists an interval's pages in address order, without gaps: what was advised of them, and where they are. Nothing is touched or moved for it.</summary>
    /// <param name="interval">Page aligned; it need not be mapped.</param>
    /// <param name="runs">Receives the runs; neighbours differ.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.InvalidArgument"/> for an interval that is not page aligned; <see cref="SvmStatus.ProcessGone"/>; <see cref="SvmStatus.OutOfHostMemory"/>.
    /// After a failure the list holds what was learned before it.</returns>
    /// <remarks>A snapshot, 2 MiB by 2 MiB: pages that move meanwhile are told of at one of their places, or as moving. Locking: takes Vm shared; must hold nothing. To look at one page costs about as
    /// much as to look at 2 MiB.</remarks>
    public SvmStatus Query(AddressRange interval, List<MemoryRun> runs)
    {
        if (!interval.IsPageAligned)
            return SvmStatus.InvalidArgument;
        if (Host.TryRentWorkspace() is not { } workspace)
            return SvmStatus.OutOfHostMemory;
        SvmStatus status = Host.TryUse() ? SvmStatus.Done : SvmStatus.ProcessGone;
        if (status == SvmStatus.Done)
        {
            using (Lock.EnterRead())
            {
                for (VirtualAddress at = interval.Start; status == SvmStatus.Done && at < interval.End;)
                    status = QueryPiece(new AddressRange(at, interval.End), workspace, runs, out at);
            }

            Host.EndUse();
        }

        Host.ReturnWorkspace(workspace);
        return status;
    }

    /// <summary>Lists the first pages of an interval, as far as one advice and one mapping, or none, and one 2 MiB block reach.</summary>
    /// <param name="interval">The interval, not empty.</param>
    /// <param name="workspace">Receives what is known of the pages.</param>
    /// <param name="runs">Receives the runs.</param>
    /// <param name="next">Where to go on.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why the host memory does not say; then nothing was listed.</returns>
    private SvmStatus QueryPiece(AddressRange interval, HostWorkspace workspace, List<MemoryRun> runs, out VirtualAddress next)
    {
        AttributeRun advice = Attributes.FindRunLocked(interval.Start);
        AddressRange piece = interval.Intersect(advice.Interval);
        bool isMapped = Host.TryFindMapping(piece.Start, out HostMapping mapping);
        if (!isMapped || mapping.Interval.Start > piece.Start)
        {
            if (isMapped)
                piece = piece.Intersect(new AddressRange(piece.Start, mapping.Interval.Start));
            IPageRun<MemoryRun>.Append(runs, new MemoryRun(piece, advice.Advice, PagePlace.Unmapped, -1));
            next = piece.End;
            return SvmStatus.Done;
        }

        piece = piece.Intersect(mapping.Interval).Intersect(piece.Start.Block(PageOrder.Huge));
        next = piece.End;
        int pages = (int)piece.Pages;
        SvmStatus status = Host.Query(piece, workspace.Pages.AsSpan(0, pages));
        if (status == SvmStatus.NotMapped)
        {
            IPageRun<MemoryRun>.Append(runs, new MemoryRun(piece, advice.Advice, PagePlace.Unmapped, -1)); // The mapping has gone since.
            return SvmStatus.Done;
        }

        if (status != SvmStatus.Done)
            return status;
        Host.ReadEntries(piece, workspace.Entries.AsSpan(0, pages));
        ulong copies = 0;
        VirtualAddress copiesEnd = default;
        for (int page = 0; page < pages; page++)
        {
            AddressRange one = AddressRange.OfPages(piece.Start + ((long)page << PageSize.Shift), 1);
            PagePlace place = PlaceOf(workspace.Entries[page], workspace.Pages[page], out int device);
            if (advice.Advice.IsReadMostly && one.Start >= copiesEnd)
            {
                copies = Duplicator.CopiesAt(one.Start, out AddressRange like);
                copiesEnd = like.End;
            }

            IPageRun<MemoryRun>.Append(runs, new MemoryRun(one, advice.Advice, place, device, place == PagePlace.Ram ? copies : 0));
        }

        return SvmStatus.Done;
    }

    /// <summary>Where a page is.</summary>
    /// <param name="entry">What the host address space knows.</param>
    /// <param name="page">What the host memory says.</param>
    /// <param name="device">The device that has it; -1 if none of the VM has.</param>
    /// <returns>The place.</returns>
    private PagePlace PlaceOf(PageEntry entry, HostPage page, out int device)
    {
        device = -1;
        if (entry.IsMigrating)
            return PagePlace.Moving;
        if (entry.IsExclusive)
            return PagePlace.Exclusive;
        if (!entry.IsDevice)
            return !page.IsPresent ? PagePlace.Nowhere : page.IsZero ? PagePlace.Zero : PagePlace.Ram;
        device = Array.FindIndex(_devices, candidate => candidate.Pagemap.Index == entry.Pagemap);
        return device >= 0 ? PagePlace.Device : PagePlace.OtherDevice;
    }
}
