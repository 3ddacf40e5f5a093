// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>
/// Makes smaller ranges of what is left when the CPU has unmapped a part of one. The kernel has no counterpart: there the range dies, and what is left is
/// brought home and faulted in again.
/// </summary>
/// <remarks>
/// The pieces are allowed chunk sizes, aligned to themselves. They take over the device mappings of the whole: nothing is mapped or unmapped, and page-table entries
/// stay, but for large ones that the unmap had to clear beyond its part; those are written again from the mapping that still stands.
///
/// Events may come at any time. So the pieces are made outside the window's lock, for the part lost as it is then, and put in the whole's place under it only if nothing
/// more has been lost and no flush is waited for.
/// </remarks>
internal sealed class RangeSplitter(GpuVm vm)
{
    private const int MaxAttempts = 64;

    private readonly List<AddressRange> _blocks = []; // Scratch; the VM is owned.
    private readonly List<SvmRange> _pieces = []; // As _blocks.

    /// <summary>Splits a range.</summary>
    /// <param name="range">A linked range that has lost a part, but not all.</param>
    /// <remarks>Locking: Vm owned; takes Notifier.</remarks>
    public void Split(GpuRange range)
    {
        SvmNotifier notifier = range.Notifier;
        for (int attempt = 0; ; attempt++)
        {
            vm.Invalidator.Finish(notifier, range.Interval); // A flush under way: what is lost is unmapped after it.
            AddressRange lost;
            using (notifier.Lock.EnterRead())
                lost = range.Lost;
            if (lost == range.Interval || attempt == MaxAttempts)
            {
                vm.RemoveOwned(range); // Nothing is left, or no moment without an event was found: what is left is faulted in again.
                return;
            }

            if (!TryMakePieces(range, lost))
            {
                _pieces.Clear();
                vm.RemoveOwned(range); // As above; no page is lost by it.
                return;
            }

            SchedulePoint.Reach(SchedulePointKind.RangeSplit, range);
            using (notifier.Lock.EnterWrite())
            {
                if (range.Lost == lost && !IsFlushing(range))
                {
                    ReplaceLocked(range);
                    break;
                }
            }
        }

        vm.Counters.CountSplit();
        range.Put(); // The tree's reference.
        foreach (SvmRange piece in _pieces)
            Rebind((GpuRange)piece);
        _pieces.Clear();
    }

    /// <summary>Makes the pieces, with room for what they will take over.</summary>
    /// <param name="range">The whole.</param>
    /// <param name="lost">What is lost of it.</param>
    /// <returns>False if there is no memory for all of them.</returns>
    private bool TryMakePieces(GpuRange range, AddressRange lost)
    {
        _blocks.Clear();
        _pieces.Clear();
        ChunkSelection.Decompose(vm.Mirror.ChunkOrders, new AddressRange(range.Interval.Start, lost.Start), _blocks);
        ChunkSelection.Decompose(vm.Mirror.ChunkOrders, new AddressRange(lost.End, range.Interval.End), _blocks);
        foreach (AddressRange block in _blocks)
        {
            if (vm.Mirror.TryCreateRange(range.Notifier, block, range.IsMigratable) is not GpuRange piece)
                return false;
            piece.InheritFacts(range);
            for (int device = 0; device < vm.Devices.Count; device++)
            {
                if (range.PagesOf(device) is { HasDmaMapping: true } whole
                    && !(vm.TryPagesFor(piece, device) is { } pages && pages.TryReserve((int)Math.Min(whole.MostEntries, block.Pages))))
                    return false;
            }

            _pieces.Add(piece);
        }

        return true;
    }

    /// <summary>Whether a device's mapping of a range is stale: a flush is under way.</summary>
    /// <param name="range">The range; Notifier held.</param>
    /// <returns>True if so.</returns>
    private bool IsFlushing(GpuRange range)
    {
        for (int device = 0; device < vm.Devices.Count; device++)
        {
            if (range.PagesOf(device) is { } pages && (pages.IsStale || pages.IsPartStale))
                return true;
        }

        return false;
    }

    /// <summary>Puts the pieces in the whole's place and hands its mappings over.</summary>
    /// <param name="range">The whole.</param>
    private void ReplaceLocked(GpuRange range)
    {
        for (int device = 0; device < vm.Devices.Count; device++)
        {
            if (range.PagesOf(device) is not { } whole)
                continue;
            foreach (SvmRange piece in _pieces)
            {
                if (!whole.HasDmaMapping || ((GpuRange)piece).PagesOf(device) is not { } part)
                    continue;
                part.AdoptLocked(whole, range.Interval.PageIndexOf(piece.Interval.Start), (int)piece.Interval.Pages);
                part.IsBound = whole.IsBound && !whole.Cleared.Overlaps(piece.Interval);
                if (whole.IsBound && !part.IsBound)
                    _ = vm.Devices[device].PageTable.Zap(piece.Interval); // The rest of it: the same entries are written again at once, so cached ones do no harm.
            }

            whole.IsBound = false;
            whole.ForgetLocked(range.Notifier);
        }

        vm.Mirror.ReplaceLocked(range, _pieces);
    }

    /// <summary>Writes the entries of a piece that were cleared with their neighbours. Whatever stands in the way, the next fault does it.</summary>
    /// <param name="piece">The piece.</param>
    private void Rebind(GpuRange piece)
    {
        for (int device = 0; device < vm.Devices.Count; device++)
        {
            if (piece.PagesOf(device) is not { IsBound: false, HasDmaMapping: true } pages)
                continue;
            SvmStatus status = vm.Devices[device].Binder.Bind(piece.Notifier, pages, piece.Interval.Start, piece.Interval.Pages);
            if (status != SvmStatus.Done)
                vm.Counters.CountRebindFailed();
        }
    }
}
