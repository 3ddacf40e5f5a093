// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Replay;

/// <summary>
/// Replays a trace on the simulated machine: the real address space, driver and policies, over simulated memory and devices without contents, in modelled time.
/// </summary>
/// <remarks>
/// <para><b>What is replayed.</b> Accesses, mappings, advice and prefetches that the program asks for. Events and binds of the trace are what happened when it was taken; here they
/// come about anew, so they are passed over.</para>
/// <para><b>An access</b> looks in the replay's own copy of the translations (<see cref="ReplayBlock"/>), which whatever changes a page table or takes pages from the CPU empties. On a miss
/// the page table is asked, and then the page-fault handler of Core, as a device's fault service does it; a CPU thread's access goes through the simulated memory, whose faults Core serves.
/// So each page costs a call once, and every further access a few nanoseconds.</para>
/// <para><b>One at a time.</b> The records decide the order, and each fault is served before the next access. How many accesses a device has under way at once enters the times
/// only: a fault that comes soon after another joins its batch (<see cref="CostModel.InFlightAccesses"/>). With that, and policies that have a seed of their own, a replay is the same to the last bit
/// each time: there is no thread but the caller's.</para>
/// <para><b>Memory</b> that is accessed but was never mapped is mapped, 2 MiB at a time: traces of others seldom say what was allocated.</para>
/// </remarks>
public sealed partial class ReplayMachine : ITraceSink, IDisposable
{
    private const int EventCapacity = 1 << 16;
    private const int SpareHostPages = 2048; // For blocks on their way.
    private const int MostHostPages = 500_000; // What the simulated memory can have.

    private readonly ReplayOptions _options;
    private readonly CostModel _model;
    private readonly VirtualClock _clock = new();
    private readonly ReplayBlocks _blocks;
    private readonly ReplayStatistics _statistics;
    private readonly SimulatedHostMemory _memory;
    private readonly HostAddressSpace _host;
    private readonly ReplayDevice[] _devices;
    private readonly GpuVm _vm;
    private readonly SvmEventStream _events;
    private readonly RecordedDecisions? _decisions; // Null where the policies decide by modelled time.
    private readonly SvmEvent[] _drained = new SvmEvent[256];
    private readonly double _devicePicosecondsPerByte;
    private readonly double _hostPicosecondsPerByte;
    private readonly long _walk;
    private long _accesses;
    private long _deviceBytes; // Charged at the end of every record that costs something else.
    private long _cpuBytes;
    private long _remoteAccesses;
    private long _deviceFaults;
    private long _batches;
    private long _batchStart; // The access that opened the batch.
    private int _batchFaults; // In the open batch; 0 for none.
    private long _stepStart; // In picoseconds: when the record began that costs something.
    private long _failures;
    private string _firstFailure = "";

    /// <summary>Builds the machine.</summary>
    /// <param name="options">What it has.</param>
    /// <exception cref="ReplayException">The trace touches more than the simulated memory can hold.</exception>
    /// <exception cref="ArgumentException">A size of device memory is none.</exception>
    public ReplayMachine(ReplayOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.DeviceMemoryBytes.Count == 0)
            throw new ArgumentException("A machine needs a device: give at least one size of memory.", nameof(options));
        _options = options;
        _model = options.CostModel;
        _walk = (long)(_model.PageWalkNanoseconds * VirtualClock.PicosecondsPerNanosecond);
        _devicePicosecondsPerByte = VirtualClock.PicosecondsPerNanosecond / _model.DeviceGigabytesPerSecond;
        _hostPicosecondsPerByte = VirtualClock.PicosecondsPerNanosecond / _model.HostGigabytesPerSecond;
        _blocks = new ReplayBlocks(options.DeviceMemoryBytes.Count);
        _statistics = new ReplayStatistics(_blocks);
        long pages = PageSize.PagesFor(options.FootprintBytes);
        if (pages > MostHostPages - SpareHostPages)
        {
            throw new ReplayException(
                $"The trace touches {options.FootprintBytes >> 20} MiB, and the simulated memory holds {(MostHostPages - SpareHostPages) >> (20 - PageSize.Shift)} MiB: take a smaller size of the workload, or a part of the trace.");
        }

        pages = Math.Max(pages + (pages / 4), PageSize.PagesFor(options.SpannedBytes));
        var host = new SimulatedHostOptions { Frames = (int)Math.Min(MostHostPages, pages + SpareHostPages) };
        _memory = new SimulatedHostMemory(options.Recorded is null ? host : host with { Capabilities = (HostMemoryCapabilities)options.Recorded.Capabilities });
        _host = new HostAddressSpace(_memory, _clock) { LargestFirstTouch = options.Recorded is null ? PageOrder.Huge : ReplayPolicies.OrderOf(options.Recorded.FirstTouch) };
        _events = _host.Events.Open(EventCapacity);
        int markPages = options.Recorded is null ? 1 : (int)PageOrder.Medium.Pages; // As the recorded device has them.
        _devices = [.. options.DeviceMemoryBytes.Select((bytes, number) => new ReplayDevice(number, bytes, _blocks, _clock, _model, markPages))];
        _decisions = options.Recorded is null ? null : new RecordedDecisions();
        _vm = new GpuVm(_host, _devices, _decisions is not null && options.Vm.Thrash is { } thrash ? options.Vm with { Thrash = _decisions.Thrash(thrash) } : options.Vm);
        foreach (VmDevice device in _decisions is null ? [] : _vm.Devices)
            device.Pagemap.Return = _decisions!.Return();
    }

    /// <summary>What happened in the replay, counted as in the recording.</summary>
    public RunFigures Figures { get; } = new();

    /// <summary>Modelled time so far, in nanoseconds.</summary>
    public long ModelledNanoseconds => _clock.Nanoseconds;

    /// <summary>Accesses replayed so far.</summary>
    public long Accesses => _accesses;

    /// <inheritdoc/>
    public void Access(in TraceAccess access)
    {
        ulong page = access.Address.PageNumber;
        ulong last = (access.Address.Value + (uint)access.Bytes - 1) >> PageSize.Shift;
        _accesses++;
        _options.Log?.Access(access with { Time = _clock.Nanoseconds });
        if (access.Agent.IsDevice)
        {
            int device = access.Agent.Number;
            if ((uint)device >= (uint)_devices.Length)
                throw new ReplayException($"The trace has an access of {access.Agent}, and the machine has {_devices.Length}: give the memory of each device.");
            TranslationMark needed = TranslationMark.Used | TranslationMark.Reads
                | (access.Kind == MemoryAccess.Write ? TranslationMark.Writes : access.Kind == MemoryAccess.Atomic ? TranslationMark.Atomics : TranslationMark.None);
            _deviceBytes += access.Bytes;
            for (; page <= last; page++)
            {
                TranslationMark mark = _blocks.OfDevice(page).Translations[(device * PageSize.PagesPerHuge) + ReplayBlocks.IndexOf(page)];
                if ((mark & needed) != needed)
                    mark = Translate(page, device, access.Kind);
                if ((mark & TranslationMark.Remote) != 0)
                    AccessRemotely(access.Kind, Math.Min(access.Bytes, PageSize.Bytes));
            }

            return;
        }

        PageMark wanted = access.Kind == MemoryAccess.Read ? PageMark.CpuReads : PageMark.CpuWrites;
        _cpuBytes += access.Bytes;
        for (; page <= last; page++)
        {
            if ((_blocks.Of(page).Pages[ReplayBlocks.IndexOf(page)] & wanted) == 0)
                TouchAsCpu(page, access.Kind);
        }
    }

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel)
    {
        Settle();
        _batchFaults = 0; // A kernel's faults do not join a batch of the one before.
        if (kernel.IsEnd && (_memory.Capabilities & HostMemoryCapabilities.CpuFaults) == 0)
        {
            _ = _vm.BringHome(); // As a memory without CPU faults does before it reports a launch; what stays is in the figures.
            Drain(null);
        }

        _options.Log?.Kernel(kernel with { Time = _clock.Nanoseconds });
    }

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping)
    {
        Settle();
        SvmStatus status = mapping.IsUnmap ? _memory.Unmap(mapping.Interval) : _memory.Map(mapping.Interval.Start, mapping.Interval.Bytes);
        if (status != SvmStatus.Done)
            throw new ReplayException($"{mapping.Interval} cannot be {(mapping.IsUnmap ? "unmapped" : "mapped")}: {status}. Addresses are below 2^47, above 64 KiB, and whole pages.");
        Drain(null);
        _blocks.DropCpu(mapping.Interval);
        _options.Log?.Mapping(mapping with { Time = _clock.Nanoseconds });
    }

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice)
    {
        Settle();
        MemoryAdvice asked = advice.Advice;
        SvmStatus status = _vm.Advise(advice.Interval, _ => asked);
        if (status != SvmStatus.Done)
            throw new ReplayException($"The advice for {advice.Interval} is refused: {status}. It must be whole pages and name devices that the machine has.");
        Drain(null);
        _options.Log?.Advice(advice with { Time = _clock.Nanoseconds });
    }

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch)
    {
        Settle();
        int device = Math.Max((int)prefetch.Destination, 0);
        if (device >= _devices.Length)
            throw new ReplayException($"The trace brings memory to device {device}, and the machine has {_devices.Length}: give the memory of each device.");
        _options.Log?.Prefetch(prefetch with { Time = _clock.Nanoseconds });
        // What could not be brought comes by its faults, as on a real machine: they are in the counts.
        _ = _vm.Prefetch(prefetch.Interval, prefetch.Destination < 0 ? PrefetchTarget.System : PrefetchTarget.Device, out _, device);
        Drain(null);
    }

    /// <inheritdoc/>
    public void Bind(in TraceBind bind)
    {
        // It comes about anew.
    }

    /// <inheritdoc/>
    public void Event(in SvmEvent one) => _decisions?.Take(one); // It comes about anew, but for what only the recorded clock knew.

    /// <inheritdoc/>
    public void Resident(in TraceResidence residence)
    {
        Settle();
        AddressRange interval = residence.Interval;
        for (VirtualAddress at = interval.Start; at < interval.End; at = at.Block(PageOrder.Huge).End)
        {
            AddressRange piece = at.Block(PageOrder.Huge).Intersect(new AddressRange(at, interval.End));
            SvmStatus status = _host.Populate(piece, MemoryAccess.Write);
            if (status == SvmStatus.Done && residence.Place >= 0)
                status = _vm.Prefetch(piece, PrefetchTarget.Device, out _, Math.Min((int)residence.Place, _devices.Length - 1));
            if (status == SvmStatus.OutOfHostMemory)
                throw new ReplayException($"The simulated RAM is full: the trace begins with more in memory than the {_options.FootprintBytes >> 20} MiB that it was said to touch.");
            Drain(null); // What else is in the way is touched later, and comes then.
        }
    }

    /// <summary>What the replay has come to so far.</summary>
    /// <returns>The figures.</returns>
    public ReplayResult Result()
    {
        Settle();
        return new ReplayResult
        {
            Accesses = _accesses,
            TouchedPages = _blocks.TouchedPages,
            DeviceFaults = _deviceFaults,
            Batches = _batches,
            CpuFaults = _statistics.CpuFaults,
            BytesToDevice = _devices.Sum(device => device.CopyEngine.BytesToDevice),
            BytesToHost = _devices.Sum(device => device.CopyEngine.BytesToHost),
            BytesBetweenDevices = _devices.Sum(device => device.CopyEngine.BytesToPeers),
            Copies = _devices.Sum(device => device.CopyEngine.Copies),
            Evictions = _statistics.Evictions,
            EvictedPages = _statistics.EvictedPages,
            ThrashedPages = _statistics.ThrashedPages,
            PrefetchedPages = _statistics.PrefetchedPages,
            PrefetchedPagesUsed = _statistics.PrefetchedPagesUsed,
            DemandedPages = _statistics.DemandedPages,
            RemoteAccesses = _remoteAccesses,
            ThrashingDetected = _statistics.ThrashingDetected,
            Invalidations = _devices.Sum(device => device.PageTable!.Invalidations),
            FailedAccesses = _failures,
            FirstFailure = _firstFailure,
            ModelledNanoseconds = _clock.Picoseconds / VirtualClock.PicosecondsPerNanosecond,
            Costs = Enum.GetValues<ReplayCost>().ToDictionary(cost => cost, cost => _clock.Spent(cost) / VirtualClock.PicosecondsPerNanosecond),
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _host.Events.Close(_events);
        _vm.Dispose();
        foreach (ReplayDevice device in _devices)
            device.Dispose();
        _host.Dispose();
    }

    /// <summary>Charges the accesses that were not charged yet, and the translations that were fetched for them.</summary>
    private void Settle()
    {
        _clock.Charge(ReplayCost.DeviceAccess, (long)(_deviceBytes * _devicePicosecondsPerByte));
        _clock.Charge(ReplayCost.CpuAccess, (long)(_cpuBytes * _hostPicosecondsPerByte));
        (_deviceBytes, _cpuBytes) = (0, 0);
        _clock.Charge(ReplayCost.PageWalk, _blocks.TakeFills() * _walk);
        _stepStart = _clock.Picoseconds;
    }

    /// <summary>Charges an access of a device to memory elsewhere.</summary>
    /// <param name="kind">What it does.</param>
    /// <param name="bytes">How many bytes cross the link.</param>
    private void AccessRemotely(MemoryAccess kind, int bytes)
    {
        _remoteAccesses++;
        LinkCost link = kind == MemoryAccess.Read ? _model.ToDevice : _model.ToHost;
        _clock.Charge(ReplayCost.RemoteAccess, (long)((_model.RemoteAccessNanoseconds * VirtualClock.PicosecondsPerNanosecond) + link.BytesPicoseconds(bytes)));
    }

    /// <summary>How long something took in modelled time: faults and calls that bring memory, with everything that moved for them. The machine's own durations are of this process.</summary>
    /// <param name="one">The event.</param>
    /// <returns>Nanoseconds; 0 where the model says nothing of it alone.</returns>
    private long DurationOf(in SvmEvent one) => one.Kind switch
    {
        SvmEventKind.GpuFault => (long)((_clock.Picoseconds - _stepStart) / VirtualClock.PicosecondsPerNanosecond),
        SvmEventKind.CpuFault when one.Cause == MigrationCause.CpuFault =>
            (long)(((_clock.Picoseconds - _stepStart) / VirtualClock.PicosecondsPerNanosecond) + _model.CpuFaultNanoseconds), // Its own part is charged when it has been counted.
        SvmEventKind.Prefetch when one.Cause == MigrationCause.Prefetch => (long)((_clock.Picoseconds - _stepStart) / VirtualClock.PicosecondsPerNanosecond),
        _ => 0,
    };

    /// <summary>Takes in what the machine tells.</summary>
    /// <param name="faulting">The page whose device fault was served; null for none.</param>
    private void Drain(ulong? faulting)
    {
        int count;
        do
        {
            count = _events.Read(_drained);
            foreach (ref readonly SvmEvent one in _drained.AsSpan(0, count))
            {
                _statistics.Add(one, faulting);
                Figures.Add(one);
                if (one.Status == SvmStatus.NotMapped)
                    continue; // The replay maps it and tries again: it is no fault of the trace.
                _options.Log?.Event(one with { Timestamp = _clock.Nanoseconds, Duration = DurationOf(one) });
            }
        }
        while (count == _drained.Length);
        if (_events.Dropped() > 0)
            throw new InvalidOperationException($"One step of the replay has told of more than {EventCapacity} events.");
    }

    /// <summary>Remembers an access that cannot be served, once it has been tried.</summary>
    /// <param name="page">The page.</param>
    /// <param name="agent">Who accessed it.</param>
    /// <param name="kind">How.</param>
    /// <param name="status">Why it failed.</param>
    /// <exception cref="ReplayException">The machine is too small for the trace: no figure would mean anything.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Fail(ulong page, TraceAgent agent, MemoryAccess kind, SvmStatus status)
    {
        if (status == SvmStatus.OutOfHostMemory)
        {
            throw new ReplayException(
                $"The simulated RAM is full after {_accesses} accesses: the footprint was given as {_options.FootprintBytes >> 20} MiB, and the trace touches more, or its policies bring more along: take smaller chunks, or a part of the trace.");
        }

        _failures++;
        if (_firstFailure.Length == 0)
            _firstFailure = $"access {_accesses}: {kind} by {agent} at {VirtualAddress.OfPage(page)}: {status}";
    }
}
