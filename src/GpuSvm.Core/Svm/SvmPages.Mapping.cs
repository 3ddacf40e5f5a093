// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Svm;

/// <content>Getting pages: from a host fault to mappings that are published.</content>
public partial class SvmPages
{
    private const int NoPagemap = -1;
    private const int SeveralPagemaps = -2;

    /// <summary>Makes the mappings of one interval for several devices from one host fault, or for one. Kernel: drm_gpusvm_get_pages, which serves one object.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="notifier">The notifier that watches the interval.</param>
    /// <param name="interval">At most 512 pages.</param>
    /// <param name="context">The caller's wishes; the owner group is that of all the devices, or 0.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="all">The objects, at most 64, each of another device and with this interval; those that stand already and suffice are left alone.</param>
    /// <returns>
    /// <see cref="SvmStatus.Done"/>: all are mapped. Otherwise none that was not before: <see cref="SvmStatus.MixedPlacement"/>: evict the interval, then retry.
    /// <see cref="SvmStatus.NotSupported"/>: the pages lie on a device that one of these cannot reach; evict, then retry. <see cref="SvmStatus.NotMigratable"/>: only device
    /// memory was wanted, and a page is in RAM. <see cref="SvmStatus.Unmapped"/>, <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ReadOnly"/>: collect, then look up
    /// again. <see cref="SvmStatus.Busy"/>: overtaken for a whole second (INV-26). <see cref="SvmStatus.CopyFailed"/>, <see cref="SvmStatus.DeviceGone"/>: a page could not be
    /// mapped, everything is undone. <see cref="SvmStatus.OutOfHostMemory"/>, <see cref="SvmStatus.ProcessGone"/>.
    /// </returns>
    /// <remarks>Locking: must hold neither Host nor Notifier.</remarks>
    public static SvmStatus GetAll(
        HostAddressSpace host, SvmNotifier notifier, AddressRange interval, in SvmContext context, HostWorkspace workspace, ReadOnlySpan<SvmPages> all)
    {
        if (!host.TryUse())
            return SvmStatus.ProcessGone;
        using var balance = LockBalance.Begin();
        var budget = new RetryBudget(host.Time, BudgetMilliseconds);
        HmmRequest request = context.Exclusive ? HmmRequest.Exclusive : context.ReadOnly ? HmmRequest.Read : HmmRequest.Write;
        SvmStatus status;
        do
        {
            long sequence = host.ReadBegin(notifier.Subscription);
            if (AreRefreshed(notifier, sequence, context, all))
            {
                status = SvmStatus.Done;
                break;
            }

            status = HmmRange.Fault(host, interval, new HmmQuery(request, context.OwnerToken), ref budget, workspace);
            if (status != SvmStatus.Done)
                break;
            SchedulePoint.Reach(SchedulePointKind.HmmFaulted, notifier);
            status = Publish(host, notifier, interval, context, workspace, all, sequence);
            if (status == SvmStatus.Retry && !budget.TrySpend())
                status = SvmStatus.Busy;
        }
        while (status == SvmStatus.Retry);

        host.EndUse();
        if (status == SvmStatus.Done)
            SchedulePoint.Reach(SchedulePointKind.PagesMapped, notifier);
        return status;
    }

    /// <summary>Publishes a device's copies of an interval whose pages a migration holds. Other events of the window do not cost the copies: as long as the pages are held nobody can write them.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="notifier">The notifier that watches the interval.</param>
    /// <param name="interval">The interval.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="workspace">Holds the copies' frames, and the migration, which shares the interval.</param>
    /// <returns><see cref="SvmStatus.Done"/>: the copies are this object's, and go with its mapping. Otherwise they are still the caller's: <see cref="SvmStatus.Busy"/> if overtaken
    /// many times; as <see cref="PageMigration.CheckShared"/>; as <see cref="GetAll"/>.</returns>
    /// <remarks>Locking: must hold neither Host nor Notifier. The object maps nothing: the migration's event has seen to that.</remarks>
    public SvmStatus PublishCopies(HostAddressSpace host, SvmNotifier notifier, AddressRange interval, in SvmContext context, HostWorkspace workspace)
    {
        const int maxPasses = 64;
        SvmPages self = this;
        for (int pass = 0; pass < maxPasses; pass++)
        {
            long sequence = host.ReadBegin(notifier.Subscription);
            SvmStatus status = workspace.Migration.CheckShared();
            if (status == SvmStatus.Done)
                status = Publish(host, notifier, interval, context with { ReadOnly = true, Exclusive = false }, workspace, new ReadOnlySpan<SvmPages>(in self), sequence);
            if (status != SvmStatus.Retry)
                return status;
        }

        return SvmStatus.Busy;
    }

    /// <summary>The second half of a pass of <see cref="GetAll"/>: from the frames to the mappings, which are made with nothing held, and to their publication under the notifier's lock.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="notifier">The notifier.</param>
    /// <param name="interval">The interval.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="workspace">Holds the frames.</param>
    /// <param name="all">The objects.</param>
    /// <param name="sequence">What was read before the fault.</param>
    /// <returns><see cref="SvmStatus.Retry"/> if an event has come in between; else as <see cref="GetAll"/>.</returns>
    private static SvmStatus Publish(
        HostAddressSpace host, SvmNotifier notifier, AddressRange interval, in SvmContext context, HostWorkspace workspace, ReadOnlySpan<SvmPages> all, long sequence)
    {
        int count = Describe(interval, workspace, out int pagemap, out int systemEntries);
        bool hasSystem = systemEntries > 0;
        bool hasDevice = pagemap != NoPagemap;
        if (pagemap == SeveralPagemaps || (hasDevice && hasSystem && !context.AllowMixed))
            return SvmStatus.MixedPlacement;
        if (context.DeviceOnly && hasSystem)
            return SvmStatus.NotMigratable;
        foreach (SvmPages pages in all)
        {
            if (!pages.TryReserve(count))
                return SvmStatus.OutOfHostMemory;
        }

        IDevicePageOwner? owner = hasDevice ? host.PageOwner(pagemap) : null;
        SvmStatus status = SvmStatus.Done;
        ulong made = 0; // Which of them this pass has mapped, to be published or undone together.
        for (int i = 0; i < all.Length && status == SvmStatus.Done; i++)
        {
            if (all[i].HasDmaMapping)
                continue; // Refreshed: stands as long as the sequence is unchanged. Only a Get makes a mapping, and this is the one.
            status = all[i].Map(owner, workspace, interval, count, systemEntries, context);
            if (status == SvmStatus.Done)
                made |= 1UL << i;
        }

        if (status == SvmStatus.Done)
            status = PublishMade(notifier, context, workspace, all, made, sequence, hasSystem);
        for (; status != SvmStatus.Done && made != 0; made &= made - 1)
            all[BitOperations.TrailingZeroCount(made)].Undo();
        return status;
    }

    /// <summary>Publishes mappings that have been made, if no event has come since the sequence was read: the part that needs the notifier's lock.</summary>
    /// <param name="notifier">The notifier.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="workspace">Holds the frames.</param>
    /// <param name="all">The objects.</param>
    /// <param name="made">Which of them have been mapped; the others stand.</param>
    /// <param name="sequence">What was read before the fault.</param>
    /// <param name="hasSystem">Whether some of the pages are in RAM.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Retry"/>, <see cref="SvmStatus.Unmapped"/>: nothing is published.</returns>
    /// <remarks>Locking: takes Notifier.</remarks>
    private static SvmStatus PublishMade(
        SvmNotifier notifier, in SvmContext context, HostWorkspace workspace, ReadOnlySpan<SvmPages> all, ulong made, long sequence, bool hasSystem)
    {
        using (notifier.Lock.EnterWrite())
        {
            foreach (SvmPages pages in all)
            {
                if (pages._isUnmapped)
                    return SvmStatus.Unmapped;
            }

            if (notifier.Subscription.ReadRetry(sequence))
                return SvmStatus.Retry;
            SchedulePoint.Reach(SchedulePointKind.PagesPublishing, notifier);
            for (; made != 0; made &= made - 1)
            {
                SvmPages pages = all[BitOperations.TrailingZeroCount(made)];
                InvariantRecord.Require(!context.DeviceOnly || !pages.HasSystemEntry(), "INV-19", "device memory only was asked for, and a page in RAM was mapped");
                pages._count = pages._made;
                pages._owner = pages._madeBy;
                pages.HasDmaMapping = true;
                pages.HasDevicePages = pages._madeBy is not null;
                pages.HasCopies = workspace.Frames[0].IsCopy;
                pages.IsWritable = !context.ReadOnly;
                pages.AllowsAtomics = !context.ReadOnly && (context.Exclusive || !hasSystem);
                pages.Sequence = sequence;
                for (int i = 0; pages.HasCopies && i < pages._count; i++)
                    pages._addresses[i] = pages._addresses[i].AsCopy(); // The mapping's from now on; not before, so that who undoes it releases none.
            }
        }

        return SvmStatus.Done;
    }

    /// <summary>Whether all mappings stand and suffice; then their sequences are renewed. Those that do not allow what is wanted are undone.</summary>
    /// <param name="notifier">The window.</param>
    /// <param name="sequence">The sequence just read.</param>
    /// <param name="context">The caller's wishes.</param>
    /// <param name="all">The objects.</param>
    /// <returns>True if nothing needs to be done.</returns>
    private static bool AreRefreshed(SvmNotifier notifier, long sequence, in SvmContext context, ReadOnlySpan<SvmPages> all)
    {
        bool areValid = false;
        foreach (SvmPages pages in all)
            areValid |= pages.HasDmaMapping; // Only a Get makes a mapping, and this is the one: without any there is nothing to look at.
        if (!areValid)
            return false;
        using (notifier.Lock.EnterWrite())
        {
            foreach (SvmPages pages in all)
            {
                if (!pages.IsValidLocked(notifier))
                {
                    areValid = false; // What is stale is unmapped by its event; the sequence read before it makes the caller start over.
                    continue;
                }

                if ((!context.ReadOnly && !pages.IsWritable) || (context.Exclusive && !pages.AllowsAtomics))
                {
                    pages.UnmapLocked(notifier);
                    areValid = false;
                    continue;
                }

                pages.Sequence = sequence;
            }
        }

        return areValid;
    }

    /// <summary>Whether an entry that was made is system memory, for checks.</summary>
    /// <returns>True if one is.</returns>
    private bool HasSystemEntry()
    {
        foreach (DeviceAddress entry in _addresses.AsSpan(0, _made))
        {
            if (entry.Protocol == AddressProtocol.System)
                return true;
        }

        return false;
    }

    /// <summary>Lays out dense entries for the frames of a walk, as unmapped templates in the workspace.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="workspace">Holds the frames; receives a template an entry, whose order counts.</param>
    /// <param name="pagemap">The pagemap of the device pages among them, or that there are none or several.</param>
    /// <param name="systemEntries">How many of the entries are pages in RAM.</param>
    /// <returns>The number of entries.</returns>
    private static int Describe(AddressRange interval, HostWorkspace workspace, out int pagemap, out int systemEntries)
    {
        HmmFrame[] frames = workspace.Frames;
        int pages = (int)interval.Pages;
        int count = 0;
        pagemap = NoPagemap;
        systemEntries = 0;
        for (int page = 0; page < pages;)
        {
            HmmFrame frame = frames[page];
            if (frame.IsDevice)
                pagemap = pagemap == NoPagemap || pagemap == frame.Pagemap ? frame.Pagemap : SeveralPagemaps;
            int run = 1;
            while (page + run < pages && frames[page + run - 1].IsFollowedBy(frames[page + run]))
                run++;
            while (run > 0)
            {
                PageOrder order = EntryOrder(interval.Start.PageNumber + (ulong)page, frames[page].PagePosition, run);
                workspace.Addresses[count++] = new DeviceAddress((ulong)page << PageSize.Shift, AddressProtocol.System, order, writable: false);
                systemEntries += frame.IsDevice ? 0 : 1;
                page += order.Pages;
                run -= order.Pages;
            }
        }

        return count;
    }

    /// <summary>The largest order one entry may have: inside its run, and aligned on both sides. Kernel: drm_gpusvm_hmm_pfn_to_order, which leaves entries unaligned.</summary>
    /// <param name="pageNumber">The virtual page.</param>
    /// <param name="position">The page's position in its memory.</param>
    /// <param name="run">Pages that follow each other.</param>
    /// <returns>The order, at most 9.</returns>
    private static PageOrder EntryOrder(ulong pageNumber, ulong position, int run)
    {
        int aligned = BitOperations.TrailingZeroCount(pageNumber | position | (1UL << PageOrder.Huge.Value));
        return new PageOrder((byte)Math.Min(aligned, BitOperations.Log2((uint)run)));
    }

    /// <summary>The largest aligned block of pages at the start of an interval.</summary>
    /// <param name="page">The first page.</param>
    /// <param name="end">The page after the last.</param>
    /// <returns>The order, at most 9.</returns>
    private static PageOrder PartOrder(int page, int end) => EntryOrder((ulong)page, 0, end - page);
}
