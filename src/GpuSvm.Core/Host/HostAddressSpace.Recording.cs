// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Host;

/// <content>What a recording is told of the memory that is there already.</content>
public sealed partial class HostAddressSpace
{
    /// <summary>Tells a recording that begins what is mapped, and where the pages are that have contents.</summary>
    /// <param name="recorder">The recording.</param>
    /// <remarks>What changes meanwhile may be told twice or not at all: for an exact recording nothing runs now. Locking: must hold nothing.</remarks>
    public void RecordWhatIsThere(IRunRecorder recorder)
    {
        if (!TryUse())
            return;
        for (VirtualAddress at = default; TryFindMapping(at, out HostMapping mapping); at = mapping.Interval.End)
        {
            recorder.Mapping(mapping.Interval, isUnmap: false);
            RecordResidency(mapping.Interval, recorder);
        }

        EndUse();
    }

    /// <summary>Tells a recording where the pages of an interval are, run by run; what has no page is left out.</summary>
    /// <param name="interval">Mapped, page aligned.</param>
    /// <param name="recorder">The recording.</param>
    /// <remarks>Locking: must hold nothing; the caller uses the process side.</remarks>
    private void RecordResidency(AddressRange interval, IRunRecorder recorder)
    {
        if (TryRentWorkspace() is not { } workspace)
            return;
        AddressRange run = default; // What is not told yet; all of it in one place.
        int place = SvmPlace.None;
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            AddressRange piece = at.Block(PageOrder.Huge).Intersect(new AddressRange(at, interval.End));
            int pages = (int)piece.Pages;
            ReadEntries(piece, workspace.Entries.AsSpan(0, pages));
            bool isKnown = Query(piece, workspace.Pages.AsSpan(0, pages)) == SvmStatus.Done;
            for (int page = 0; page < pages; page++)
            {
                int here = workspace.Entries[page].IsDevice ? workspace.Entries[page].Pagemap : isKnown && workspace.Pages[page].IsPresent && !workspace.Pages[page].IsZero ? SvmPlace.Ram : SvmPlace.None;
                AddressRange one = AddressRange.OfPages(piece.Start + ((long)page << PageSize.Shift), 1);
                if (here == place && run.End == one.Start)
                {
                    run = new AddressRange(run.Start, one.End);
                    continue;
                }

                if (place != SvmPlace.None)
                    recorder.Resident(run, place);
                (run, place) = (one, here);
            }

            at = piece.End;
        }

        if (place != SvmPlace.None)
            recorder.Resident(run, place);
        ReturnWorkspace(workspace);
    }
}
