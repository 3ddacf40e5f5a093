// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <content>Where pages go: what faults and prefetches ask alike.</content>
public sealed partial class GpuVm
{
    /// <summary>Brings an interval to a device or home, and says what happened.</summary>
    /// <param name="interval">Any interval; widened to whole pages.</param>
    /// <param name="target">Where to.</param>
    /// <param name="result">Bytes requested, there before, moved, failed.</param>
    /// <param name="device">Which of the VM's devices, for a prefetch to a device.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or the first failure; the rest was still tried.</returns>
    /// <remarks>Goes against everything that is advised but <see cref="MemoryAdvice.NeverMigrate"/>. Locking: must hold nothing.</remarks>
    public SvmStatus Prefetch(AddressRange interval, PrefetchTarget target, out PrefetchResult result, int device = 0)
    {
        AddressRange whole = interval.AlignOutward();
        Host.Events.Recorder?.Prefetch(whole, DestinationOf(target, _devices[device]));
        return Prefetcher.Prefetch(whole, target, _devices[device], out result);
    }

    /// <summary>Where a prefetch goes, as events and recordings have it.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="device">The device, for a prefetch to one.</param>
    /// <returns>The pagemap's index, or <see cref="SvmPlace.Ram"/>.</returns>
    internal static int DestinationOf(PrefetchTarget target, VmDevice device) => target == PrefetchTarget.System ? SvmPlace.Ram : device.Pagemap.Index;

    /// <summary>Changes what is advised of an interval, wholly or not at all; where it changes, the devices lose their access, so that their next touch goes by the new advice. Kernel: xe's madvise.</summary>
    /// <param name="interval">Page aligned, not empty; it need not be mapped.</param>
    /// <param name="change">Makes the new advice of the old.</param>
    /// <returns>As <see cref="MemoryAttributes.SetLocked"/>.</returns>
    /// <remarks>Locking: takes Vm for write; must hold nothing. Pages stay where they are until they are touched. Of a range one thing is advised: those that reach over an end of what
    /// has changed are removed, and the next touch makes smaller ones.</remarks>
    public SvmStatus Advise(AddressRange interval, Func<MemoryAdvice, MemoryAdvice> change)
    {
        Host.NoticeChanges(interval);
        Collect(); // What was unmapped before loses its advice before, not after.
        using (Lock.EnterWrite())
        {
            SvmStatus status = Attributes.SetLocked(interval, change, out AddressRange changed);
            if (status != SvmStatus.Done || changed.IsEmpty)
                return status;
            for (SvmRange? range = Mirror.FirstRange(changed); range is not null; range = Mirror.NextRange(range, changed))
                Invalidator.Unbind((GpuRange)range);
            CutOwned(changed.Start);
            CutOwned(changed.End);
            if (Host.Events.Recorder is { } recorder)
                RecordAdviceLocked(interval, recorder);
            return status;
        }
    }

    /// <summary>Tells a recording what is advised of an interval now.</summary>
    /// <param name="interval">Page aligned.</param>
    /// <param name="recorder">The recording.</param>
    /// <remarks>Locking: Vm held.</remarks>
    private void RecordAdviceLocked(AddressRange interval, IRunRecorder recorder)
    {
        var runs = new List<AttributeRun>();
        Attributes.QueryLocked(interval, runs);
        foreach (AttributeRun run in runs)
            recorder.Advice(run.Interval, run.Advice);
    }

    /// <summary>Tells a recording that begins what has been advised before.</summary>
    /// <param name="interval">Page aligned.</param>
    /// <param name="recorder">The recording.</param>
    /// <remarks>Locking: takes Vm.</remarks>
    public void RecordAdvice(AddressRange interval, IRunRecorder recorder)
    {
        using (Lock.EnterRead())
        {
            var runs = new List<AttributeRun>();
            Attributes.QueryLocked(interval, runs);
            foreach (AttributeRun run in runs)
            {
                if (!run.Advice.IsDefault)
                    recorder.Advice(run.Interval, run.Advice);
            }
        }
    }

    /// <summary>The addresses around one of which the same is advised, and where a range for it may lie.</summary>
    /// <param name="address">The address.</param>
    /// <param name="window">Its window.</param>
    /// <returns>The part of the window.</returns>
    /// <remarks>Locking: Vm held. Allocates nothing.</remarks>
    internal AddressRange AdvisedAlike(VirtualAddress address, GpuVma window) => window.Interval.Intersect(Attributes.FindRunLocked(address).Interval);

    /// <summary>Removes the range that reaches over an address, if there is one. Its pages stay where they are.</summary>
    /// <param name="at">The address.</param>
    /// <remarks>Locking: Vm owned.</remarks>
    private void CutOwned(VirtualAddress at)
    {
        if (Mirror.FirstRange(AddressRange.OfPages(at, 1)) is not GpuRange range)
            return;
        if (range.Interval.Start < at)
            RemoveOwned(range);
        range.Put();
    }

    /// <summary>Begins to bring intervals to a device or home, in the background, several blocks at a time.</summary>
    /// <param name="intervals">Any intervals that are not empty, at most a million; each is widened to whole pages. The list is copied.</param>
    /// <param name="target">Where to.</param>
    /// <param name="operation">The operation: watch it, wait for it, cancel it. It need not be ended.</param>
    /// <param name="device">Which of the VM's devices, for a prefetch to a device.</param>
    /// <returns><see cref="SvmStatus.Done"/>: it has begun; <see cref="SvmStatus.InvalidArgument"/> for an empty interval, too many of them, or no such device;
    /// <see cref="SvmStatus.InvalidHandle"/> if the VM is closing; <see cref="SvmStatus.OutOfHostMemory"/>.</returns>
    /// <remarks>What it does to memory that is unmapped, advised or launched on meanwhile is what <see cref="Prefetch"/> would do at that moment. Closing the VM cancels it.</remarks>
    public SvmStatus StartPrefetch(ReadOnlySpan<AddressRange> intervals, PrefetchTarget target, out PrefetchOperation? operation, int device = 0)
    {
        const int mostIntervals = 1_000_000;
        operation = null;
        if (intervals.Length > mostIntervals || (uint)device >= (uint)_devices.Length || target is not (PrefetchTarget.Device or PrefetchTarget.System))
            return SvmStatus.InvalidArgument;
        try
        {
            var whole = new AddressRange[intervals.Length];
            for (int i = 0; i < whole.Length; i++)
            {
                if (intervals[i].IsEmpty)
                    return SvmStatus.InvalidArgument;
                whole[i] = intervals[i].AlignOutward();
            }

            if (Host.Events.Recorder is { } recorder)
            {
                foreach (AddressRange interval in whole)
                    recorder.Prefetch(interval, DestinationOf(target, _devices[device]));
            }

            var started = new PrefetchOperation(whole, target, _devices[device]);
            if (!PrefetchWorkers.TryStart(started))
                return SvmStatus.InvalidHandle;
            operation = started;
            return SvmStatus.Done;
        }
        catch (OutOfMemoryException)
        {
            return SvmStatus.OutOfHostMemory;
        }
    }

    /// <summary>What every lookup of this VM asks for.</summary>
    /// <param name="device">The device that wants the pages.</param>
    /// <param name="advice">What the program has advised of them.</param>
    /// <param name="largest">No new range is to be larger, in bytes; 0 for no limit beyond the advice.</param>
    /// <returns>The context.</returns>
    internal SvmContext ContextFor(VmDevice device, MemoryAdvice advice, long largest = 0)
    {
        long advised = advice.MaxChunkBytes;
        long limit = advised == 0 || (largest != 0 && largest < advised) ? largest : advised;
        return new SvmContext(
            device.Pagemap.OwnerToken, DevicePossible: true, AllowMixed: true, CheckPagesBytes: Options.CheckPagesBytes, MaxChunkBytes: limit);
    }

    /// <summary>The largest block of device memory that pages are put into: as large as the largest range.</summary>
    /// <param name="advice">What the program has advised of them.</param>
    /// <returns>The order.</returns>
    internal PageOrder LargestBlock(MemoryAdvice advice)
    {
        PageOrder largest = Mirror.ChunkOrders[0];
        return advice.MaxChunkBytes != 0 && advice.MaxChunkBytes < largest.Bytes ? PageOrder.FloorOf(advice.MaxChunkBytes >> PageSize.Shift) : largest;
    }

    /// <summary>Where the pages of a range should be: advice decides, and where there is none the placement policy, and the thrash policy about what goes to and fro.</summary>
    /// <param name="range">The range.</param>
    /// <param name="device">Who touched it.</param>
    /// <param name="advice">What the program has advised.</param>
    /// <param name="access">What was tried.</param>
    /// <param name="late">Above zero: the touch is to be served after that time; nothing else is decided.</param>
    /// <returns>The device to move them to; null to map them where they are.</returns>
    internal VmDevice? HomeFor(GpuRange range, VmDevice device, MemoryAdvice advice, MemoryAccess access, out TimeSpan late)
    {
        late = default;
        if (AdvisedHome(range, device, advice, access, out VmDevice? home))
            return home;
        return ShouldMigrate(range) && (Thrash is null || Thrash.Decide(range, device, out late) == ThrashAction.Move) ? device : null;
    }

    /// <summary>Where the pages of a range should be for a job: advice decides, and where there is none the placement policy.</summary>
    /// <param name="range">The range.</param>
    /// <param name="device">Where the job runs.</param>
    /// <param name="advice">What the program has advised.</param>
    /// <param name="access">The strongest access.</param>
    /// <returns>The device to move them to; null to map them where they are.</returns>
    internal VmDevice? HomeForJob(GpuRange range, VmDevice device, MemoryAdvice advice, MemoryAccess access) =>
        AdvisedHome(range, device, advice, access, out VmDevice? home) ? home : ShouldMigrate(range) ? device : null;

    /// <summary>Whether a range that was not touched is to come beside one that was.</summary>
    /// <param name="range">The range.</param>
    /// <param name="device">Where the other one came to.</param>
    /// <param name="advice">What the program has advised.</param>
    /// <returns>True if its own touch would bring it.</returns>
    internal bool ComesAlong(GpuRange range, VmDevice device, MemoryAdvice advice) => AdvisedHome(range, device, advice, MemoryAccess.Read, out VmDevice? home)
        ? home == device
        : ShouldMigrate(range) && Thrash?.LetsCome(range) != false;

    /// <summary>Whether a range that a device uses where it is may come: advice decides, and where there is none the thrash policy. What the placement policy does with a touch is another question.</summary>
    /// <param name="range">The range.</param>
    /// <param name="device">Who uses it.</param>
    /// <param name="advice">What the program has advised.</param>
    /// <returns>True if nothing is against it.</returns>
    internal bool MayCome(GpuRange range, VmDevice device, MemoryAdvice advice) => !advice.Denies(MemoryAccess.Read, device.Index)
        && (AdvisedHome(range, device, advice, MemoryAccess.Read, out VmDevice? home) ? home == device : Thrash?.LetsCome(range) != false);

    /// <summary>Has the devices' accesses counted.</summary>
    /// <param name="policy">What to count, and what to do then.</param>
    /// <exception cref="ArgumentException">The policy's threshold or granularity is not possible.</exception>
    private void CountAccesses(IAccessCounterPolicy policy)
    {
        var configuration = new AccessCounterConfiguration(policy.Granularity, policy.Threshold, policy.CountsOwnMemory);
        foreach (VmDevice device in _devices)
        {
            if (device.PageTable.StartAccessCounters(configuration) is { } buffer)
                device.AccessCounters = new AccessCounterService(this, device, policy, buffer);
        }
    }

    /// <summary>Asks the placement policy.</summary>
    /// <param name="range">The range.</param>
    /// <returns>Its answer.</returns>
    private bool ShouldMigrate(GpuRange range) => Options.Placement.ShouldMigrate(range.Facts(Host.Time.GetTimestamp()));

    /// <summary>Where advice, or the memory's kind, wants the pages of a range.</summary>
    /// <param name="range">The range.</param>
    /// <param name="device">Who touched it.</param>
    /// <param name="advice">What the program has advised.</param>
    /// <param name="access">What was tried.</param>
    /// <param name="home">The device to move them to; null to map them where they are.</param>
    /// <returns>False if nothing is advised: policies decide.</returns>
    private bool AdvisedHome(GpuRange range, VmDevice device, MemoryAdvice advice, MemoryAccess access, out VmDevice? home)
    {
        home = null;
        if (!range.IsMigratable || advice.NeverMigrate)
            return true;
        if (access == MemoryAccess.Atomic && advice.Atomics == AtomicMode.Device)
            home = device;
        else if (advice.Preferred.Device is { } preferred && !advice.StaysInRam && preferred < _devices.Length && !_devices[preferred].Device.IsUnplugged)
            home = _devices[preferred];
        return home is not null || advice.StaysInRam;
    }
}
