// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Faults;

/// <summary>One region that a device uses often: finds out what of it may come, what the policy may know of that, and brings it.</summary>
/// <remarks>Used by one thread, for one region after the other. Locking: all calls with Vm held.</remarks>
/// <param name="vm">The VM.</param>
/// <param name="device">The device.</param>
internal sealed class HotRegion(GpuVm vm, VmDevice device)
{
    private readonly AddressRange[] _parts = new AddressRange[PageSize.PagesPerHuge]; // What may come, in address order. No region has more ranges.
    private readonly MemoryAdvice[] _advice = new MemoryAdvice[PageSize.PagesPerHuge]; // Of each part.
    private int _count; // Of parts.
    private long _here;
    private long _remote;
    private long _onPeers;
    private int _returnCount;
    private long _ticksSinceReturn;
    private int _undone;
    private bool _isAccessedBy;

    /// <summary>Whether there is something that may come.</summary>
    public bool HasParts => _count > 0;

    /// <summary>Whether what the device has mapped of the region is all in its own memory.</summary>
    public bool IsHere => _count == 0 && _here > 0;

    /// <summary>Looks at a region.</summary>
    /// <param name="region">At most 2 MiB, aligned to its size.</param>
    /// <param name="workspace">The caller's.</param>
    public void Look(AddressRange region, HostWorkspace workspace)
    {
        vm.Lock.AssertHeld();
        (_count, _here, _remote, _onPeers, _returnCount, _undone, _isAccessedBy) = (0, 0, 0, 0, 0, 0, false);
        _ticksSinceReturn = long.MaxValue;
        for (SvmRange? range = vm.Mirror.FirstRange(region); range is not null; range = vm.Mirror.NextRange(range, region))
            LookAt((GpuRange)range, range.Interval.Intersect(region), workspace);
    }

    /// <summary>What the policy is told.</summary>
    /// <param name="accesses">Accesses counted.</param>
    /// <param name="refusals">How often it was told of and nothing came.</param>
    /// <returns>The facts.</returns>
    public AccessCounterFacts Facts(long accesses, int refusals) => new(
        accesses,
        refusals,
        _remote << PageSize.Shift,
        _onPeers << PageSize.Shift,
        _here << PageSize.Shift,
        (long)device.Device.Memory.FreePages << PageSize.Shift,
        _returnCount,
        _ticksSinceReturn == long.MaxValue ? TimeSpan.MaxValue : vm.Host.Time.GetElapsedTime(0, Math.Max(0, _ticksSinceReturn)),
        _undone,
        _isAccessedBy);

    /// <summary>Brings what may come; neighbours of one advice travel together.</summary>
    /// <param name="workspace">The caller's.</param>
    /// <param name="moved">How many pages came.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or the first failure; the rest was still tried.</returns>
    public SvmStatus Bring(HostWorkspace workspace, out int moved)
    {
        vm.Lock.AssertHeld();
        moved = 0;
        SvmStatus first = SvmStatus.Done;
        for (int next = 0; next < _count;)
        {
            MemoryAdvice advice = _advice[next];
            AddressRange run = _parts[next++];
            for (; next < _count && _parts[next].Start == run.End && _advice[next] == advice; next++)
                run = new AddressRange(run.Start, _parts[next].End);
            SvmStatus status = vm.Prefetcher.MoveAndBind(run, device, MigrationCause.AccessCounter, advice, workspace, out int came);
            first = first == SvmStatus.Done ? status : first;
            moved += came;
            if (came > 0)
                NoteArrival(run);
        }

        return first;
    }

    /// <summary>Looks at one range of the region.</summary>
    /// <param name="range">The range.</param>
    /// <param name="part">What of it is in the region.</param>
    /// <param name="workspace">The caller's.</param>
    private void LookAt(GpuRange range, AddressRange part, HostWorkspace workspace)
    {
        if (range.IsUnmapped || !IsBound(range))
            return;
        int here = device.Migrator.CountDevicePages(part, workspace);
        _here += here;
        if (here == (int)part.Pages || !MayCome(range, part))
            return;
        _remote += part.Pages - here;
        for (int other = 0; other < vm.Devices.Count; other++)
            _onPeers += other == device.Index ? 0 : vm.Devices[other].Migrator.CountDevicePages(part, workspace);
        PlacementFacts known = range.Facts(vm.Host.Time.GetTimestamp());
        _returnCount = Math.Max(_returnCount, known.ReturnCount);
        _ticksSinceReturn = Math.Min(_ticksSinceReturn, known.TicksSinceReturn);
        _undone = Math.Max(_undone, range.Undone);
        _parts[_count] = part;
        _advice[_count] = vm.Attributes.FindLocked(part.Start);
        _isAccessedBy |= (_advice[_count].AccessedBy >> device.Index & 1) != 0;
        _count++;
    }

    /// <summary>Whether the device has a range mapped.</summary>
    /// <param name="range">The range.</param>
    private bool IsBound(GpuRange range)
    {
        using (range.Notifier.Lock.EnterRead())
            return range.PagesOf(device.Index) is { IsBound: true };
    }

    /// <summary>Whether a part may come: all that is advised of it allows it, and the thrash policy does.</summary>
    /// <param name="range">Its range.</param>
    /// <param name="part">The part.</param>
    private bool MayCome(GpuRange range, AddressRange part)
    {
        for (VirtualAddress at = part.Start; at < part.End;)
        {
            AttributeRun run = vm.Attributes.FindRunLocked(at);
            if (!vm.MayCome(range, device, run.Advice))
                return false;
            at = run.Interval.End;
        }

        return true;
    }

    /// <summary>Notes that ranges have come, so that it is seen if they soon leave again.</summary>
    /// <param name="run">Where.</param>
    private void NoteArrival(AddressRange run)
    {
        for (SvmRange? range = vm.Mirror.FirstRange(run); range is not null; range = vm.Mirror.NextRange(range, run))
        {
            using (range.Notifier.Lock.EnterWrite())
                ((GpuRange)range).NoteBroughtLocked(vm.Host.Time.GetTimestamp());
            vm.Thrash?.NoteArrival((GpuRange)range);
        }
    }
}
