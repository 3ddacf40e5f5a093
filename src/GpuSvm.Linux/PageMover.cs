// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// Takes pages from the CPU and gives them back, by UFFDIO_MOVE: the kernel takes the page out of the page table, flushes the TLBs and puts the
/// same physical
/// page in elsewhere. No write can fall between, and a huge page costs a microsecond. Small pages go back by copying where that is cheaper (<see cref="AttachCosts"/>).
/// </summary>
internal sealed unsafe partial class PageMover
{
    private const int Regions = 64;

    /// <summary>Tries for one page that does not move, before the answer is Busy.</summary>
    private const int MaxTries = 8;

    private readonly Userfaultfd _arena;
    private readonly Userfaultfd _staging;
    private readonly Pagemap _pagemap;
    private readonly SharedHeap _heap;
    private readonly EventRescue _rescue;
    private readonly AttachCosts _costs;

    /// <summary>A mover; owns nothing.</summary>
    /// <param name="arena">The heap's descriptor: to move pages in.</param>
    /// <param name="staging">The staging area's descriptor: to move pages out.</param>
    /// <param name="pagemap">Tells holes and huge pages.</param>
    /// <param name="heap">Remembers blocks with page tables.</param>
    /// <param name="rescue">For when an event is pending.</param>
    /// <param name="costs">Tells and is told what moving and copying cost.</param>
    internal PageMover(Userfaultfd arena, Userfaultfd staging, Pagemap pagemap, SharedHeap heap, EventRescue rescue, AttachCosts costs)
    {
        _arena = arena;
        _staging = staging;
        _pagemap = pagemap;
        _heap = heap;
        _rescue = rescue;
        _costs = costs;
    }

    /// <summary>Takes the present pages of an interval into a staging block. See <see cref="Core.Host.IHostMemory.Detach"/>.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="slot">An empty block.</param>
    /// <param name="isInGate">Whether the event gate is held: then nobody can read an event that keeps pages from being put back after a failure, and these stay in the block.</param>
    /// <returns>Done; or nothing has changed, but for what could not be put back: Busy (pinned), Unmapped, OutOfHostMemory, InvalidArgument.</returns>
    internal SvmStatus Detach(AddressRange interval, StagingSlot slot, bool isInGate)
    {
        if (!slot.TryLocate(interval, out long offset))
            return SvmStatus.InvalidArgument;
        ulong source = interval.Start.Value;
        ulong target = slot.Address + (ulong)offset;
        int first = (int)(offset >> PageSize.Shift);
        if (slot.IsPresent(first) || slot.RunLength(first, first + (int)interval.Pages) != interval.Pages)
            return SvmStatus.InvalidArgument;

        // Mostly every page is there, and one call takes them all.
        int error = Move(_staging, target, source, interval.Bytes, out long moved);
        NoteMoved(slot, first, moved, isIn: true);
        SvmStatus status = moved == interval.Bytes ? SvmStatus.Done : DetachRuns(interval, slot, offset, moved, error, isInGate);
        if (status != SvmStatus.Done)
        {
            SvmStatus back = PutBack(interval, slot, offset, isPatient: !isInGate);
            return back == SvmStatus.Done || isInGate ? status : back;
        }

        NoteSmallPages(interval, slot);
        return SvmStatus.Done;
    }

    /// <summary>Makes the present pages of a staging block visible, without waiting for a pending event. See <see cref="Core.Host.IHostMemory.Attach"/>.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="slot">The block; the caller has it, and it has the pages.</param>
    /// <param name="first">The block's page for the interval's first page.</param>
    /// <param name="writable">Whether the CPU may write without a further fault.</param>
    /// <returns>Done; Unmapped, OutOfHostMemory, Busy (a page is there already), Retry (an event has not been read), ProcessGone: what has not
    /// moved stays in the block and is marked present there.</returns>
    internal SvmStatus TryAttach(AddressRange interval, StagingSlot slot, int first, bool writable)
    {
        var wait = new PendingEventWait(_rescue, isPatient: false);
        bool huge = slot.IsWhole && !slot.IsTainted && writable && interval.Bytes == PageSize.HugeBytes && !_heap.HasTable(interval.Start.Value);
        if (!huge)
        {
            _heap.SetTable(interval.Start.Value, interval.End.Value);
        }

        int limit = first + (int)interval.Pages;
        for (int page = first; page < limit;)
        {
            int run = slot.RunLength(page, limit);
            if (slot.IsPresent(page))
            {
                ulong source = slot.Address + ((ulong)page << PageSize.Shift);
                ulong target = interval.Start.Value + ((ulong)(page - first) << PageSize.Shift);
                SvmStatus status = huge ? MoveIn(target, source, (long)run << PageSize.Shift, slot, page, ref wait)
                    : writable ? GiveBack(target, source, run, slot, page, ref wait)
                    : CopyIn(target, source, (long)run << PageSize.Shift, slot, page, protect: true, ref wait);
                if (status != SvmStatus.Done)
                    return status;
            }

            page += run;
        }

        return SvmStatus.Done;
    }

    /// <summary>Installs copies of private bytes, writable, without waiting for a pending event.</summary>
    /// <param name="target">First byte in the heap.</param>
    /// <param name="source">First byte in private memory.</param>
    /// <param name="bytes">Length.</param>
    /// <returns>As <see cref="TryAttach"/>.</returns>
    internal SvmStatus TryCopyIn(ulong target, ulong source, long bytes)
    {
        var wait = new PendingEventWait(_rescue, isPatient: false);
        return CopyIn(target, source, bytes, slot: null, page: 0, protect: false, ref wait);
    }

    /// <summary>Gives a run of small pages back the cheaper way, and notes what it cost.</summary>
    /// <param name="target">First byte in the heap.</param>
    /// <param name="source">First byte in the block.</param>
    /// <param name="pages">How many.</param>
    /// <param name="slot">The block.</param>
    /// <param name="page">The run's first page in it.</param>
    /// <param name="wait">What to do while an event is pending.</param>
    /// <returns>As <see cref="TryAttach"/>.</returns>
    private SvmStatus GiveBack(ulong target, ulong source, int pages, StagingSlot slot, int page, ref PendingEventWait wait)
    {
        bool copies = _costs.PrefersCopy(pages);
        long bytes = (long)pages << PageSize.Shift;
        if (!copies)
            slot.IsTainted |= slot.IsWhole; // The kernel splits the huge page in the block too: no place for a whole one afterwards.
        long start = Stopwatch.GetTimestamp();
        SvmStatus status = copies ? CopyIn(target, source, bytes, slot, page, protect: false, ref wait) : MoveIn(target, source, bytes, slot, page, ref wait);
        if (status != SvmStatus.Done)
            return status;
        if (copies)
            _costs.NoteCopy(pages, start);
        else
            _costs.NoteMove(pages, start, slot.FillTicks);
        slot.FillTicks = 0;
        slot.IsLeftByCopy = copies;
        return SvmStatus.Done;
    }

    /// <summary>Goes on with a detach that stopped: run by run of the pages that are there.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="slot">The block.</param>
    /// <param name="offset">Where the interval's pages lie in it.</param>
    /// <param name="position">Bytes done.</param>
    /// <param name="error">What stopped it at that place, 0 if the kernel did not say.</param>
    /// <param name="isInGate">As <see cref="Detach"/>.</param>
    /// <returns>Done, or why not.</returns>
    private SvmStatus DetachRuns(AddressRange interval, StagingSlot slot, long offset, long position, int error, bool isInGate)
    {
        // SAFETY: the array lives on this frame; Scan writes at most Regions elements.
        PageRegion* regions = stackalloc PageRegion[Regions];
        ulong start = interval.Start.Value;
        ulong end = interval.End.Value;
        ulong at = start + (ulong)position;
        ulong troublesome = 0;
        int tries = 0;
        while (at < end)
        {
            int found = _pagemap.Scan(at, end, regions, Regions, out ulong walkedTo);
            if (found < 0)
                return SvmStatus.Unmapped;
            for (int i = 0; i < found; i++)
            {
                for (at = regions[i].Start; at < regions[i].End;)
                {
                    ulong target = slot.Address + (ulong)offset + (at - start);
                    if (error is 0 or Errno.ENOENT)
                    {
                        error = Move(_staging, target, at, (long)(regions[i].End - at), out long moved);
                        NoteMoved(slot, (int)((offset + (long)(at - start)) >> PageSize.Shift), moved, isIn: true);
                        at += (ulong)moved;
                        if (moved > 0)
                            continue;
                    }

                    if (error == Errno.ENOENT)
                    {
                        at += PageSize.Bytes; // Gone since the scan: the program has discarded it.
                        continue;
                    }

                    tries = at == troublesome ? tries + 1 : 0;
                    troublesome = at;
                    if (tries > MaxTries)
                        return SvmStatus.Busy;
                    SvmStatus status = Clear(error, at, target, isInGate ? regions[i].End : at + PageSize.Bytes, regions[i].Categories);
                    if (status != SvmStatus.Done)
                        return status;
                    error = 0;
                }
            }

            at = Math.Max(at, walkedTo);
        }

        return SvmStatus.Done;
    }

    /// <summary>Removes what kept one page from moving.</summary>
    /// <param name="error">What the kernel said.</param>
    /// <param name="page">The page.</param>
    /// <param name="target">Its place in the block.</param>
    /// <param name="end">The end of the run of pages like it that are made one's own with it.</param>
    /// <param name="categories">What the scan said of them.</param>
    /// <returns>Done: try again. Otherwise why not.</returns>
    private SvmStatus Clear(int error, ulong page, ulong target, ulong end, ulong categories)
    {
        switch (error)
        {
            case Errno.EBUSY when MakeExclusive(page, end, (categories & PagemapConstants.PAGE_IS_WRITTEN) == 0):
                return SvmStatus.Done;
            case Errno.EEXIST:
                // Somebody read a hole of the block, and the kernel put a page of zeroes there.
                StagingArea.Drop(target, PageSize.Bytes);
                return SvmStatus.Done;
            case Errno.EAGAIN:
                // Not an event: this descriptor has none. The page's lock was taken by reclaim or compaction.
                Thread.Yield();
                return SvmStatus.Done;
            case Errno.EINVAL:
                return SvmStatus.Unmapped; // No longer one anonymous, writable mapping.
            case Errno.ENOMEM:
                return SvmStatus.OutOfHostMemory;
            case Errno.ESRCH:
                return SvmStatus.ProcessGone;
            default:
                return SvmStatus.Busy; // Pinned, or poisoned.
        }
    }

    /// <summary>Gives the process its own copies of pages that it shares with a forked child or with merged pages; only such pages move. All of a run at once: after a fork its other pages are shared as well.</summary>
    /// <param name="page">The first page, present.</param>
    /// <param name="end">The end of the run.</param>
    /// <param name="isProtected">Whether they are write-protected by us, which is lifted first: of pages without it the kernel resolves the fault itself and asks nobody. They are about to leave anyway.</param>
    /// <returns>False if the kernel refused.</returns>
    private bool MakeExclusive(ulong page, ulong end, bool isProtected)
    {
        long bytes = (long)(end - page);
        if (isProtected && _arena.WriteProtect(page, bytes, protect: false) != 0)
            return false;
        if (!WriteTouch.Try(page, PageSize.Bytes))
            return false;
        _ = WriteTouch.Try(page + PageSize.Bytes, bytes - PageSize.Bytes); // The first is enough to go on; the others are met on their own.
        return true;
    }

    /// <summary>
    /// Moves pages, and finds out what was moved where the kernel does not say. When two threads move parts of one huge page at the same time, both
    /// split it, and the one that comes second may begin again after its pages have gone: the call then answers EEXIST and 0 moved although every
    /// page has arrived (seen on 6.18, a few in a hundred of such pairs).
    /// </summary>
    /// <param name="descriptor">The descriptor of the target.</param>
    /// <param name="target">First byte of where to.</param>
    /// <param name="source">First byte of where from.</param>
    /// <param name="bytes">Length.</param>
    /// <param name="moved">Bytes moved, from the start on.</param>
    /// <returns>0, or what stopped it at that place.</returns>
    private int Move(Userfaultfd descriptor, ulong target, ulong source, long bytes, out long moved)
    {
        int error = descriptor.Move(target, source, bytes, out moved);
        while (error == Errno.EEXIST && moved < bytes)
        {
            long arrived = Arrived(target + (ulong)moved, source + (ulong)moved, bytes - moved);
            if (arrived == 0)
                return error;
            moved += arrived;
            if (moved == bytes)
                return 0;
            error = descriptor.Move(target + (ulong)moved, source + (ulong)moved, bytes - moved, out long more);
            moved += more;
        }

        return error;
    }

    /// <summary>
    /// How many bytes at the start of a move are gone from the source and stand in the target, as pages and not as the page of zeroes that a read
    /// leaves in a hole.
    /// </summary>
    /// <param name="target">First byte of where to.</param>
    /// <param name="source">First byte of where from.</param>
    /// <param name="bytes">Length.</param>
    /// <returns>Bytes, whole pages.</returns>
    private long Arrived(ulong target, ulong source, long bytes)
    {
        PageRegion there;
        PageRegion left;
        if (_pagemap.Scan(target, target + (ulong)bytes, &there, 1, out _) <= 0 || there.Start != target
            || (there.Categories & PagemapConstants.PAGE_IS_PFNZERO) != 0)
            return 0;
        int found = _pagemap.Scan(source, source + (ulong)bytes, &left, 1, out _);
        long gone = found < 0 ? 0 : found == 0 ? bytes : (long)(left.Start - source);
        return Math.Min((long)(there.End - there.Start), gone);
    }

    /// <summary>What an error of installing means to the caller.</summary>
    /// <param name="error">The error number.</param>
    /// <returns>The status.</returns>
    internal static SvmStatus StatusOf(int error) => error switch
    {
        0 => SvmStatus.Done,
        Errno.EAGAIN => SvmStatus.Retry,
        Errno.EEXIST or Errno.EBUSY or Errno.EFAULT => SvmStatus.Busy,
        Errno.ENOMEM => SvmStatus.OutOfHostMemory,
        Errno.ESRCH => SvmStatus.ProcessGone,
        _ => SvmStatus.Unmapped,
    };

    /// <summary>Keeps a block's marks and count in step with what moved.</summary>
    /// <param name="slot">The block.</param>
    /// <param name="page">The first page.</param>
    /// <param name="bytes">How much moved, may be nothing.</param>
    /// <param name="isIn">Into the block, or out of it.</param>
    private static void NoteMoved(StagingSlot slot, int page, long bytes, bool isIn)
    {
        int pages = (int)(bytes >> PageSize.Shift);
        if (pages == 0)
            return;
        slot.SetPresent(page, pages, isIn);
        slot.PagesInside += isIn ? pages : -pages;
    }

    /// <summary>After a detach: remembers where small pages leave page tables behind.</summary>
    /// <param name="interval">Where the pages came from.</param>
    /// <param name="slot">Where they went.</param>
    private void NoteSmallPages(AddressRange interval, StagingSlot slot)
    {
        if (slot.PagesInside == 0)
            return; // Nothing was there.
        if (slot.IsWhole && interval.Bytes == PageSize.HugeBytes && _pagemap.IsHuge(slot.Address))
            return;
        slot.IsTainted |= slot.IsWhole;
        _heap.SetTable(interval.Start.Value, interval.End.Value);
    }
}
