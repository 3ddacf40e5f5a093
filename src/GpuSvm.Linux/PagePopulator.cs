// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// Gives absent pages bytes of zero. For a read the kernel's shared page of zeroes does (0.4 us a page); for a write, and for a whole 2 MiB block,
/// pages
/// from staging are cleared and moved in: clearing a used 2 MiB page takes 40 us, a fresh one from the kernel 100.
/// </summary>
internal sealed unsafe class PagePopulator : IDisposable
{
    private const int Regions = 64;
    private const int ZeroBytes = 64 << 10;

    /// <summary>Passes over the interval before the answer is Retry; each pass goes on where the last was disturbed.</summary>
    private const int MaxPasses = 16;

    /// <summary>Tries to give pages back to the program, a millisecond apart.</summary>
    private const int MaxPutBacks = 10_000;

    private readonly Userfaultfd _arena;
    private readonly StagingArea _staging;
    private readonly Pagemap _pagemap;
    private readonly SharedHeap _heap;
    private readonly PageMover _mover;
    private readonly EventRescue _rescue;
    private readonly bool _huge;
    private readonly bool _isInGate;
    private readonly void* _zeroes;

    /// <summary>A populator; owns nothing but a buffer of zeroes.</summary>
    /// <param name="arena">The heap's descriptor.</param>
    /// <param name="staging">Where pages come from.</param>
    /// <param name="pagemap">Tells what is absent.</param>
    /// <param name="heap">Remembers blocks with page tables.</param>
    /// <param name="mover">Moves them in.</param>
    /// <param name="rescue">For when an event is pending.</param>
    /// <param name="huge">Whether whole blocks become huge pages.</param>
    /// <param name="isInGate">Whether populating happens inside the event gate, so that no page it works on can be discarded meanwhile, and no event be read.</param>
    internal PagePopulator(Userfaultfd arena, StagingArea staging, Pagemap pagemap, SharedHeap heap, PageMover mover, EventRescue rescue, bool huge, bool isInGate)
    {
        _arena = arena;
        _staging = staging;
        _pagemap = pagemap;
        _heap = heap;
        _mover = mover;
        _rescue = rescue;
        _huge = huge;
        _isInGate = isInGate;

        // SAFETY: owned by this object, freed in Dispose, never written.
        _zeroes = NativeMemory.AlignedAlloc(ZeroBytes, PageSize.Bytes);
        NativeMemory.Clear(_zeroes, ZeroBytes);
    }

    /// <summary>Makes absent pages present. See <see cref="Core.Host.IHostMemory.Populate"/>.</summary>
    /// <param name="interval">At most 2 MiB inside one mapping.</param>
    /// <param name="access">What will be done with them.</param>
    /// <returns>Done, OutOfHostMemory, Retry, Unmapped, NotMapped. A guard (MADV_GUARD_INSTALL) counts as present: who uses it is refused then.</returns>
    internal SvmStatus Populate(AddressRange interval, MemoryAccess access)
    {
        SvmStatus status = SvmStatus.Done;
        for (int pass = 0; pass < MaxPasses; pass++)
        {
            status = PopulateOnce(interval, access);
            if (status != SvmStatus.Busy)
                return status; // Busy: a page came in between; look again.
        }

        return status == SvmStatus.Busy ? SvmStatus.Retry : status;
    }

    /// <summary>Frees the buffer of zeroes.</summary>
    public void Dispose() => NativeMemory.AlignedFree(_zeroes);

    /// <summary>One pass: looks at the interval and fills or converts run by run.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="access">What will be done with them.</param>
    /// <returns>Done, Busy (look again), or why not.</returns>
    private SvmStatus PopulateOnce(AddressRange interval, MemoryAccess access)
    {
        // SAFETY: the array lives on this frame; Scan writes at most Regions elements.
        PageRegion* regions = stackalloc PageRegion[Regions];
        ulong at = interval.Start.Value;
        ulong end = interval.End.Value;
        while (at < end)
        {
            int found = _pagemap.Scan(at, end, regions, Regions, out ulong walkedTo);
            if (found < 0)
                return SvmStatus.NotMapped;
            SvmStatus status = SvmStatus.Done;
            for (int i = 0; i < found && status == SvmStatus.Done; i++)
            {
                status = FillAbsent(at, regions[i].Start, access);
                if (status == SvmStatus.Done && access == MemoryAccess.Write)
                    status = MakeWritable(in regions[i]);
                at = regions[i].End;
            }

            if (status == SvmStatus.Done)
                status = FillAbsent(at, walkedTo, access);
            if (status != SvmStatus.Done)
                return status;
            at = Math.Max(at, walkedTo);
        }

        return SvmStatus.Done;
    }

    /// <summary>Fills a run of absent pages.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after; nothing is done if that is not above.</param>
    /// <param name="access">What will be done with them.</param>
    /// <returns>Done, Busy, or why not.</returns>
    private SvmStatus FillAbsent(ulong start, ulong end, MemoryAccess access)
    {
        if (end <= start)
            return SvmStatus.Done;
        bool block = _huge && end - start == PageSize.HugeBytes && new VirtualAddress(start).IsAligned(PageOrder.Huge) && !_heap.HasTable(start);
        if (block)
            return FillPiece(start, PageOrder.Huge, whole: true);
        _heap.SetTable(start, end);
        if (access == MemoryAccess.Read)
            return FillWithZeroPage(start, (long)(end - start));
        while (start < end)
        {
            PageOrder order = PageOrder.FloorOf((long)(end - start) >> PageSize.Shift);
            SvmStatus status = FillPiece(start, order, whole: false);
            if (status != SvmStatus.Done)
                return status;
            start += (ulong)order.Bytes;
        }

        return SvmStatus.Done;
    }

    /// <summary>Fills a power of two of absent pages with cleared pages from staging, or with copies of zeroes if there is no block.</summary>
    /// <param name="start">First byte; page aligned is enough.</param>
    /// <param name="order">How many pages.</param>
    /// <param name="whole">Whether as one huge page.</param>
    /// <returns>Done, Busy, or why not.</returns>
    private SvmStatus FillPiece(ulong start, PageOrder order, bool whole)
    {
        var interval = AddressRange.OfBytes(new VirtualAddress(start), order.Bytes);
        if (_staging.Acquire(interval, filled: true, whole) is not StagingSlot slot)
            return FillWithCopies(start, order.Bytes);

        // SAFETY: staging is private memory of ours, and the block is ours until it is released.
        if (!slot.IsZeroed)
            NativeMemory.Clear((void*)slot.Address, (nuint)order.Bytes);
        SvmStatus status = _mover.TryAttach(interval, slot, 0, writable: true);
        _staging.Release(slot);
        return status;
    }

    /// <summary>Installs the shared page of zeroes.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="bytes">Length.</param>
    /// <returns>Done, Busy, or why not.</returns>
    private SvmStatus FillWithZeroPage(ulong start, long bytes)
    {
        var wait = new PendingEventWait(_rescue, isPatient: false);
        for (long done = 0; done < bytes;)
        {
            int error = _arena.Zeropage(start + (ulong)done, bytes - done, out long zeroed);
            done += zeroed;
            if (error != 0 && !(error == Errno.EAGAIN && wait.Again()))
                return PageMover.StatusOf(error);
        }

        CpuFaultService.NoteWoken(start, start + (ulong)bytes);
        return SvmStatus.Done;
    }

    /// <summary>Installs copies of zeroes: slower, but needs no staging.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="bytes">Length.</param>
    /// <returns>Done, Busy, or why not.</returns>
    private SvmStatus FillWithCopies(ulong start, long bytes)
    {
        _heap.SetTable(start, start + (ulong)bytes);
        for (long done = 0; done < bytes; done += ZeroBytes)
        {
            SvmStatus status = _mover.TryCopyIn(start + (ulong)done, (ulong)_zeroes, Math.Min(ZeroBytes, bytes - done));
            if (status != SvmStatus.Done)
                return status;
        }

        return SvmStatus.Done;
    }

    /// <summary>Makes present pages writable without a further fault.</summary>
    /// <param name="region">A run of equal pages.</param>
    /// <returns>Done, Busy, or why not.</returns>
    private SvmStatus MakeWritable(in PageRegion region)
    {
        if ((region.Categories & PagemapConstants.PAGE_IS_WRITTEN) == 0)
        {
            SvmStatus status = WriteProtect(region.Start, (long)(region.End - region.Start), protect: false);
            if (status != SvmStatus.Done)
                return status;
        }

        if ((region.Categories & PagemapConstants.PAGE_IS_PFNZERO) == 0)
            return SvmStatus.Done;

        if (_isInGate)
            return WriteZeroPages(region.Start, (long)(region.End - region.Start));

        // The zero page leaves by MOVE and a page of zeroes comes in. In between the pages are absent, which reads as the same: whoever touches one
        // waits for the second step.
        for (ulong at = region.Start; at < region.End;)
        {
            PageOrder order = PageOrder.FloorOf((long)(region.End - at) >> PageSize.Shift);
            SvmStatus status = ReplaceZeroPages(AddressRange.OfBytes(new VirtualAddress(at), order.Bytes), order);
            if (status != SvmStatus.Done)
                return status;
            at += (ulong)order.Bytes;
        }

        return SvmStatus.Done;
    }

    /// <summary>Has the kernel do to the page of zeroes what it does for a CPU write to it: give the program a page of its own. A page can be absent by now although we hold the gate: whoever discards goes on
    /// when its event has been read.</summary>
    /// <param name="start">First byte of pages that showed as the zero page in the last scan, with no write protection.</param>
    /// <param name="bytes">Length.</param>
    /// <returns>Done, or Busy: look again.</returns>
    private static SvmStatus WriteZeroPages(ulong start, long bytes) =>
        WriteTouch.Try(start, bytes) ? SvmStatus.Done : SvmStatus.Busy;

    /// <summary>Puts pages of zeroes in the place of the shared one, outside of any gate.</summary>
    /// <param name="interval">Pages that showed as the zero page in the last scan.</param>
    /// <param name="order">Their number.</param>
    /// <returns>Done, Busy, or why not.</returns>
    /// <remarks>
    /// The kernel serves a CPU write to the zero page itself and asks nobody, so a page that showed as zero may hold bytes of the program by the time it is
    /// moved. What came out is therefore looked at again where no CPU can reach it: only true zero pages are dropped, the others go back.
    /// </remarks>
    private SvmStatus ReplaceZeroPages(AddressRange interval, PageOrder order)
    {
        if (_staging.Acquire(interval, filled: false, whole: false) is not StagingSlot slot)
            return SvmStatus.OutOfHostMemory;
        SvmStatus status = _mover.Detach(interval, slot, isInGate: false);
        if (status == SvmStatus.Done && MarkWritten(slot, order.Pages))
            status = PutBackWritten(interval, slot);
        slot.MustDrop = true;
        _staging.Release(slot);
        return status == SvmStatus.Done ? PopulateOnce(interval, MemoryAccess.Write) : status;
    }

    /// <summary>Gives pages back that turned out to hold bytes of the program. They left a moment ago, so there is room; a shortage passes.</summary>
    /// <param name="interval">Where they came from.</param>
    /// <param name="slot">The block that holds them.</param>
    /// <returns>Done; Unmapped or ProcessGone if nobody can want them any more.</returns>
    /// <exception cref="InvalidOperationException">The kernel refuses to take its own pages back: there is no way on that loses nothing.</exception>
    private SvmStatus PutBackWritten(AddressRange interval, StagingSlot slot)
    {
        SvmStatus status = SvmStatus.Retry;
        for (int attempt = 0; attempt < MaxPutBacks; attempt++)
        {
            status = _mover.TryAttach(interval, slot, 0, writable: true);
            if (status is SvmStatus.Done or SvmStatus.Unmapped or SvmStatus.ProcessGone)
                return status;
            Thread.Sleep(1);
        }

        throw new InvalidOperationException($"Pages {interval} cannot be given back to the CPU: {status.Describe()}.");
    }

    /// <summary>Marks as present just the pages of a staging block that are not the zero page.</summary>
    /// <param name="slot">The block.</param>
    /// <param name="pages">How many of its pages to look at.</param>
    /// <returns>Whether there is one, or the block could not be looked at: then all marks stay, and nothing is dropped.</returns>
    private bool MarkWritten(StagingSlot slot, int pages)
    {
        // SAFETY: the array lives on this frame; Scan writes at most Regions elements.
        PageRegion* regions = stackalloc PageRegion[Regions];
        ulong end = slot.Address + ((ulong)pages << PageSize.Shift);
        bool written = false;
        for (ulong at = slot.Address; at < end;)
        {
            int found = _pagemap.Scan(at, end, regions, Regions, out ulong walkedTo);
            if (found < 0)
                return true;
            for (int i = 0; i < found; i++)
            {
                int first = (int)((regions[i].Start - slot.Address) >> PageSize.Shift);
                int count = (int)((regions[i].End - regions[i].Start) >> PageSize.Shift);
                bool isZero = (regions[i].Categories & PagemapConstants.PAGE_IS_PFNZERO) != 0;
                slot.SetPresent(first, count, present: !isZero);
                written |= !isZero;
            }

            at = Math.Max(walkedTo, found > 0 ? regions[found - 1].End : walkedTo);
        }

        return written;
    }

    /// <summary>Takes or gives the right to write. See <see cref="Core.Host.IHostMemory.WriteProtect"/>.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="bytes">Length.</param>
    /// <param name="protect">Which of the two.</param>
    /// <returns>Done, Retry, Unmapped.</returns>
    internal SvmStatus WriteProtect(ulong start, long bytes, bool protect)
    {
        var wait = new PendingEventWait(_rescue, isPatient: false);
        int error;
        do
        {
            error = _arena.WriteProtect(start, bytes, protect);
        }
        while (error == Errno.EAGAIN && wait.Again());

        // Part of a huge page protected is a huge page split.
        if (protect && ((start | (ulong)bytes) & (PageSize.HugeBytes - 1)) != 0)
            _heap.SetTable(start, start + (ulong)bytes);
        if (error == 0 && !protect)
            CpuFaultService.NoteWoken(start, start + (ulong)bytes);
        return PageMover.StatusOf(error);
    }
}
