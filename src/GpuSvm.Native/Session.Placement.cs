// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <content>Where pages are, and where they are wished.</content>
internal sealed partial class Session
{
    private const uint SystemLocation = 1;

    /// <summary>Moves pages now.</summary>
    /// <param name="interval">Whole pages inside one allocation.</param>
    /// <param name="location">Where to, as <see cref="TargetOf"/> knows it.</param>
    /// <returns>Bytes that really moved. None go to the device of a portable memory between launches, for the CPU could not see that they went.</returns>
    public long Prefetch(AddressRange interval, uint location)
    {
        PrefetchTarget target = TargetOf(location, out int device);
        if (target == PrefetchTarget.Device && _memory.Kind == MemoryKind.Portable)
            return 0;
        SvmStatus status = _vm.Prefetch(interval, target, out PrefetchResult result, device);
        if (status is not (SvmStatus.Done or SvmStatus.OutOfDeviceMemory)) // What does not fit is not moved, and not counted.
            throw new SessionException(status, $"Prefetch of {interval} ended early, with {result.MovedBytes} of {result.RequestedBytes} bytes moved: {status.Describe()}.");
        return result.MovedBytes;
    }

    /// <summary>Changes what is advised of memory, wholly or not at all; throws a <see cref="SessionException"/> if it cannot be.</summary>
    /// <param name="interval">Whole pages inside one allocation.</param>
    /// <param name="wishes">What is to change, checked but for the number of the device.</param>
    public void Advise(AddressRange interval, AdviceStruct wishes) => Advise(_vm, interval, wishes);

    /// <summary>As the other, in any of the session's address spaces.</summary>
    /// <param name="vm">The address space.</param>
    /// <param name="interval">Whole pages inside one allocation.</param>
    /// <param name="wishes">What is to change, checked but for the number of the device.</param>
    private void Advise(GpuVm vm, AddressRange interval, AdviceStruct wishes)
    {
        if (wishes.PreferredDevice >= _devices.Length)
            throw new SessionException(SvmStatus.InvalidArgument, $"preferred {wishes.Preferred} is device {wishes.PreferredDevice}, which does not exist: this memory has {_devices.Length}, counted from 0.");
        SvmStatus status = vm.Advise(interval, wishes.Change);
        if (status != SvmStatus.Done)
            throw new SessionException(status, $"Advice for {interval} could not be taken: {status.Describe()}. What was advised before still stands.");
    }

    /// <summary>Begins to move pages in the background.</summary>
    /// <param name="intervals">Whole pages inside allocations.</param>
    /// <param name="location">Where to, as <see cref="TargetOf"/> knows it.</param>
    /// <returns>The operation's handle; throws a <see cref="SessionException"/> if it cannot begin. To the device of a portable memory it ends at once, as <see cref="Prefetch"/> does.</returns>
    public ulong StartPrefetch(ReadOnlySpan<AddressRange> intervals, uint location)
    {
        PrefetchTarget target = TargetOf(location, out int device);
        if (target == PrefetchTarget.Device && _memory.Kind == MemoryKind.Portable)
            intervals = [];
        lock (_gate)
        {
            if (_draining)
                throw new SessionException(SvmStatus.InvalidHandle, Handles.NoMemory);
            SvmStatus status = _vm.StartPrefetch(intervals, target, out PrefetchOperation? operation, device);
            if (status != SvmStatus.Done)
                throw new SessionException(status, $"The prefetch could not be started: {status.Describe()}.");
            ulong handle = Handles.Prefetches.Add(new SessionPrefetch(this, operation!));
            _prefetches.Add(handle);
            return handle;
        }
    }

    /// <summary>Notes that a prefetch was taken out of the handles.</summary>
    /// <param name="handle">Its handle.</param>
    public void ForgetPrefetch(ulong handle)
    {
        lock (_gate)
            _prefetches.Remove(handle);
    }

    /// <summary>Pushes pages of devices back to RAM.</summary>
    /// <param name="device">The device's number; -1 for all.</param>
    /// <param name="interval">Whole pages inside one allocation; null for everything that the devices hold.</param>
    /// <param name="moved">Bytes that came home, also where not all did.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or the first failure; the rest was still tried.</returns>
    public SvmStatus Evict(int device, AddressRange? interval, out long moved)
    {
        moved = 0;
        SvmStatus first = SvmStatus.Done;
        if (interval is { } wanted)
        {
            foreach (AddressRange part in device < 0 ? [wanted] : PartsOn(wanted, device))
            {
                SvmStatus status = _vm.Prefetch(part, PrefetchTarget.System, out PrefetchResult result);
                first = first == SvmStatus.Done ? status : first;
                moved += result.MovedBytes;
            }

            return first;
        }

        TraceEvictAll();
        foreach (SessionDevice one in device < 0 ? _devices : [_devices[device]])
        {
            long before = one.Pagemap.Counters.BytesToRam;
            SvmStatus status = one.Pagemap.EvictAll(MigrationCause.Eviction);
            first = first == SvmStatus.Done ? status : first;
            moved += one.Pagemap.Counters.BytesToRam - before;
        }

        return first;
    }

    /// <summary>Takes pages from the CPU for a device alone.</summary>
    /// <param name="device">The device.</param>
    /// <param name="interval">Whole pages inside one allocation.</param>
    /// <param name="exclusive">Bytes that are the device's alone now, also after a failure.</param>
    /// <returns>As <see cref="GpuVm.MakeExclusive"/>.</returns>
    public SvmStatus MakeExclusive(SessionDevice device, AddressRange interval, out long exclusive)
    {
        SvmStatus status = _vm.MakeExclusive(interval, device.Number);
        exclusive = 0;
        foreach (PageRun run in Query(device, interval))
            exclusive += run.Place == PagePlace.Exclusive || (run.Place == PagePlace.Device && run.Device == device.Number) ? run.Interval.Bytes : 0;
        return status;
    }

    /// <summary>Lists where pages are; throws a <see cref="SessionException"/> if that cannot be told.</summary>
    /// <param name="device">Whose eyes.</param>
    /// <param name="interval">Whole pages.</param>
    /// <returns>Runs in address order, without gaps.</returns>
    public List<PageRun> Query(SessionDevice device, AddressRange interval)
    {
        List<PageRun> runs = [];
        SvmStatus status = _vm.Snapshot(interval, device.Number, runs);
        return status == SvmStatus.Done ? runs : throw new SessionException(status, $"Where the pages of {interval} are could not be told: {status.Describe()}.");
    }

    /// <summary>The parts of an interval that are on one device.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="device">The device's number.</param>
    /// <returns>The parts.</returns>
    private IEnumerable<AddressRange> PartsOn(AddressRange interval, int device)
        => Query(_devices[device], interval).Where(run => run.Place == PagePlace.Device && run.Device == device).Select(static run => run.Interval);

    /// <summary>Where a location is; throws a <see cref="SessionException"/> if it is nowhere.</summary>
    /// <param name="location">0 is device 0, 1 system memory, n + 1 device n.</param>
    /// <param name="device">The device's number; 0 for system memory.</param>
    /// <returns>The target.</returns>
    private PrefetchTarget TargetOf(uint location, out int device)
    {
        device = location <= SystemLocation ? 0 : (int)Math.Min(location - 1, int.MaxValue);
        if (device >= _devices.Length)
            throw new SessionException(SvmStatus.InvalidArgument, $"location {location} does not exist: 0 is device 0, 1 system memory, n + 1 device n; this memory has {_devices.Length}, counted from 0.");
        return location == SystemLocation ? PrefetchTarget.System : PrefetchTarget.Device;
    }
}
