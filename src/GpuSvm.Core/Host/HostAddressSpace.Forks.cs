// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <content>What a fork of the process needs: every page in RAM at that moment, so that the child's page table has it.</content>
/// <remarks>
/// <code>
///   the forking thread                         everybody else
///   BeginFork: refuse claims for devices       a claim that is refused: the page is used in RAM
///              bring home what is away         CPU faults and migrations home go on
///              in the gate: nothing is away,
///              let children have the memory    a claim from before, not detached yet: refused in the gate
///   fork                                       nothing leaves the CPU
///   EndFork:   children get it no longer
///              claims are allowed again        devices lose what they were given in RAM instead of a migration
/// </code>
/// Nothing is held between the two calls but a count, so whatever others wait for goes on: the program may wait for its own locks in between, as handlers of pthread_atfork do.
/// Parent and child then share the pages by copy-on-write, which the kernel resolves; devices reach pages in RAM through the process's own page table, so what they write after the fork is the parent's.
/// A page that a child shares moves only after it has been made the parent's own.
/// Kernel: copy_nonpresent_pte lets the child's table refer to the device's page instead, which no user space can do.
/// </remarks>
public sealed partial class HostAddressSpace
{
    private const int MaxForkRounds = 64; // Over pages that were moved to other addresses behind the search.
    private const int MaxForkFailures = 1000; // Tries, a millisecond apart, to bring home a page that does not come.

    /// <summary>Whether a fork is under way, so that no page leaves the CPU.</summary>
    public bool IsForking => _states.IsForking;

    /// <summary>Gets ready for a fork of the process: brings every page home and lets none leave until <see cref="EndFork"/>. May be called by several threads at once.</summary>
    /// <returns><see cref="SvmStatus.Done"/>: a child has every byte. Otherwise a child has none of the memory, and touching it is an error there: why a page did not come home;
    /// <see cref="SvmStatus.ProcessGone"/>, and then <see cref="EndFork"/> must not be called.</returns>
    /// <remarks>Locking: nothing may be held. The process side is used until <see cref="EndFork"/>.</remarks>
    public SvmStatus BeginFork()
    {
        if (!TryUse())
            return SvmStatus.ProcessGone;
        _states.BeginFork();
        for (int round = 0; round < MaxForkRounds; round++)
        {
            SvmStatus status = BringMissingHome();
            if (status != SvmStatus.Done)
                return status;
            using (_states.Lock.EnterWrite())
            {
                if (_states.FindMissingLocked(default, MayRemap, out _) is not null)
                    continue;
                Memory.SetInherited(true);
                return SvmStatus.Done;
            }
        }

        return SvmStatus.Busy;
    }

    /// <summary>Ends what <see cref="BeginFork"/> began, in the parent, whatever came of the fork.</summary>
    /// <remarks>Locking: nothing may be held.</remarks>
    public void EndFork()
    {
        bool wasRefused;
        using (_states.Lock.EnterWrite())
        {
            wasRefused = _states.EndForkLocked(out bool isLast);
            if (isLast)
                Memory.SetInherited(false);
        }

        if (wasRefused)
        {
            // Devices were given pages where they were. They touch them again, and what should move moves.
            Notifiers.InvalidateStart(new MmuEvent(_everything, MmuEventKind.Migrate, MigrationCause.Prefetch));
            Notifiers.InvalidateEnd();
        }

        EndUse();
    }

    /// <summary>Brings home what is away, and waits for what others have in their hands. Nothing new leaves meanwhile.</summary>
    /// <returns><see cref="SvmStatus.Done"/>, or why a page did not come.</returns>
    private SvmStatus BringMissingHome()
    {
        int failures = 0;
        for (VirtualAddress at = default; _states.FindMissing(at, MayRemap, out PageEntry entry) is { } page; at = page)
        {
            if (entry.IsMigrating)
            {
                _states.WaitForMigration(page);
                continue;
            }

            SvmStatus status = MigrateHomeInUse(page, entry, MigrationCause.Prefetch);
            if (status == SvmStatus.Done)
                continue;
            if (++failures > MaxForkFailures)
                return status;
            Pause.Sleep(failures < 10 ? 0 : 1);
        }

        return SvmStatus.Done;
    }
}
