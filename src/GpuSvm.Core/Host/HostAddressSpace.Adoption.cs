// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <content>Memory that the process already has.</content>
public sealed partial class HostAddressSpace
{
    private const int MaxDisownAttempts = 100; // At memory that devices take again while it is brought home.

    /// <summary>Shares memory that the process already has.</summary>
    /// <param name="interval">Mapped without a hole, page aligned.</param>
    /// <param name="isInPlace">Whether all of it is to be used where it is.</param>
    /// <returns>As <see cref="IHostMemory.Adopt"/>; <see cref="SvmStatus.ProcessGone"/>.</returns>
    public SvmStatus Adopt(AddressRange interval, bool isInPlace)
    {
        if (!TryUse())
            return SvmStatus.ProcessGone;
        EnterEventGate(); // What stood there before may have been unmapped a moment ago: its event has been read, and is applied once the gate has been passed.
        LeaveEventGate();
        SvmStatus status = Memory.Adopt(interval, isInPlace);
        if (status == SvmStatus.Done && Events.Recorder is { } recorder)
        {
            recorder.Mapping(interval, isUnmap: false);
            RecordResidency(interval, recorder);
        }

        EndUse();
        return status;
    }

    /// <summary>Lets go of adopted memory: every page comes home first, devices lose it, and it is the process's alone again.</summary>
    /// <param name="interval">As it was given to <see cref="Adopt"/>; what the program has moved since is let go where it is now.</param>
    /// <returns><see cref="SvmStatus.Done"/>; otherwise it is shared as before, and nothing is lost: why a page could not come home, or <see cref="SvmStatus.Busy"/> if devices took
    /// pages again and again. <see cref="SvmStatus.ProcessGone"/>.</returns>
    /// <remarks>Locking: nothing may be held. No device may rely on it any more: what touches it afterwards is refused.</remarks>
    public SvmStatus Disown(AddressRange interval)
    {
        if (!TryUse())
            return SvmStatus.ProcessGone;
        SvmStatus status = SvmStatus.Busy;
        for (int attempt = 0; attempt < MaxDisownAttempts && status == SvmStatus.Busy; attempt++)
        {
            status = TryDisown(interval);
            if (status == SvmStatus.Busy)
                Pause.Sleep(1);
        }

        EndUse();
        return status;
    }

    /// <summary>One try: home, closed to claims, and looked at again.</summary>
    /// <param name="interval">As of <see cref="Disown"/>.</param>
    /// <returns>The same; <see cref="SvmStatus.Busy"/> if pages left again in between, or pieces moved.</returns>
    private SvmStatus TryDisown(AddressRange interval)
    {
        IReadOnlyList<AddressRange> pieces = Memory.AdoptedPieces(interval);
        foreach (AddressRange piece in pieces)
        {
            SvmStatus status = MigrateHome(piece, MigrationCause.HostFault);
            if (status != SvmStatus.Done)
                return status.IsRetry() ? SvmStatus.Busy : status;
        }

        int closed = 0;
        while (closed < pieces.Count && TryCloseAtHome(pieces[closed]))
            closed++;
        bool isDone = closed == pieces.Count && pieces.SequenceEqual(Memory.AdoptedPieces(interval));
        if (isDone)
        {
            foreach (AddressRange piece in pieces)
                DropAndInvalidate(new MmuEvent(piece, MmuEventKind.Unmap)); // Nothing is dropped: there is nothing away.
            Memory.Disown(interval);
            if (Events.Recorder is { } recorder)
            {
                foreach (AddressRange piece in pieces)
                    recorder.Mapping(piece, isUnmap: true);
            }
        }

        for (int i = 0; i < closed; i++)
            _states.EndClose(pieces[i]);
        return isDone ? SvmStatus.Done : SvmStatus.Busy;
    }

    /// <summary>Closes an interval to claims, if every page of it is home then.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>False if it could not be closed, or a page is away: it is open as before.</returns>
    private bool TryCloseAtHome(AddressRange interval)
    {
        using (Lock.EnterWrite())
        {
            if (!_states.TryClose(interval))
                return false;
        }

        _states.WaitForMigrations(interval);
        if (_states.FindAway(interval, out _) is null)
            return true;
        _states.EndClose(interval);
        return false;
    }
}
