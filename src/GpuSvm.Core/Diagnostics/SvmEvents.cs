// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Diagnostics;

/// <summary>The events of one host address space, for whoever has opened a stream of them.</summary>
/// <remarks>
/// Off, which it is until the first stream is opened or a run is recorded, an event site costs one read and one branch. On, an event is copied into every open stream's ring, without a lock, a wait or an
/// allocation, so that sites may stand under the notifier lock (INV-25). It hangs on the host address space because all sites know that: pages and pagemaps
/// know no addresses, and what they move has them from the migration, which the address space runs.
/// </remarks>
public sealed class SvmEvents
{
    /// <summary>The most events that a stream can hold.</summary>
    public const int MaxCapacity = 1 << 20;

    private const int LeastCapacity = 2; // In a ring of one place a full one cannot be told from an empty one.

    private readonly Lock _gate = new(); // Guards replacing _listeners. Never held while recording.
    private volatile Listeners? _listeners; // Replaced whole; null while there is none.

    /// <summary>Whoever listens.</summary>
    /// <param name="Streams">The open streams.</param>
    /// <param name="Recorder">Who records the run; null for nobody.</param>
    private sealed record Listeners(SvmEventStream[] Streams, IRunRecorder? Recorder);

    /// <summary>Whether anybody listens: ask before an event is put together.</summary>
    public bool IsOn => _listeners is not null;

    /// <summary>Who records the run, and hears of more than events; null for nobody.</summary>
    public IRunRecorder? Recorder => _listeners?.Recorder;

    /// <summary>Opens a stream: it gets every event from now on.</summary>
    /// <param name="capacity">Events that it holds, 1 to <see cref="MaxCapacity"/>; rounded up to a power of two, at least 2.</param>
    /// <returns>The stream; end with <see cref="Close"/>.</returns>
    public SvmEventStream Open(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, MaxCapacity);
        var stream = new SvmEventStream((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacity, LeastCapacity)));
        lock (_gate)
            _listeners = new Listeners([.. _listeners?.Streams ?? [], stream], _listeners?.Recorder);
        return stream;
    }

    /// <summary>Ends a stream: it gets no event any more; what it holds can still be read.</summary>
    /// <param name="stream">An open one; nothing happens for another.</param>
    public void Close(SvmEventStream stream)
    {
        lock (_gate)
            Replace(Array.FindAll(_listeners?.Streams ?? [], other => !ReferenceEquals(other, stream)), _listeners?.Recorder);
    }

    /// <summary>Begins to tell somebody of the whole run.</summary>
    /// <param name="recorder">Who.</param>
    /// <returns>False if somebody else is told already: one at a time.</returns>
    public bool TryStartRecording(IRunRecorder recorder)
    {
        lock (_gate)
        {
            if (_listeners?.Recorder is not null)
                return false;
            _listeners = new Listeners(_listeners?.Streams ?? [], recorder);
            return true;
        }
    }

    /// <summary>Ends that; a thread that is telling something may still do so a moment later.</summary>
    /// <param name="recorder">Who; nothing happens for somebody who is not told.</param>
    public void StopRecording(IRunRecorder recorder)
    {
        lock (_gate)
        {
            if (ReferenceEquals(_listeners?.Recorder, recorder))
                Replace(_listeners!.Streams, null);
        }
    }

    /// <summary>Replaces who listens.</summary>
    /// <param name="streams">The streams.</param>
    /// <param name="recorder">The recorder.</param>
    /// <remarks>Locking: <see cref="_gate"/> held.</remarks>
    private void Replace(SvmEventStream[] streams, IRunRecorder? recorder) => _listeners = streams.Length == 0 && recorder is null ? null : new Listeners(streams, recorder);

    /// <summary>Records an event in every open stream, and tells who records the run.</summary>
    /// <param name="one">The event; its timestamp is filled in if it has none.</param>
    /// <remarks>Locking: may hold anything. Allocates nothing, waits for nobody.</remarks>
    public void Record(in SvmEvent one)
    {
        if (_listeners is not { } listeners)
            return;
        SvmEvent stamped = one.Timestamp != 0 ? one : one with { Timestamp = Histogram.NanosecondsOf(Stopwatch.GetTimestamp()) };
        foreach (SvmEventStream stream in listeners.Streams)
            stream.Record(stamped);
        listeners.Recorder?.Event(stamped);
    }

    /// <summary>A CPU touch was served.</summary>
    /// <param name="address">What was touched.</param>
    /// <param name="access">How.</param>
    /// <param name="migrated">Whether it came back from a device.</param>
    /// <param name="status">What became of it.</param>
    /// <param name="start">Stopwatch ticks at which its service began.</param>
    internal void CpuFault(VirtualAddress address, MemoryAccess access, bool migrated, SvmStatus status, long start)
    {
        if (!IsOn)
            return;
        Record(new SvmEvent(SvmEventKind.CpuFault, address, PageSize.Bytes)
        {
            To = SvmPlace.Ram,
            Cause = migrated ? MigrationCause.CpuFault : MigrationCause.None,
            Access = access,
            Status = status,
            Duration = Since(start),
        });
    }

    /// <summary>A GPU fault was handled; if it was refused, a fatal one beside it.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="device">Who faulted: the pagemap's index.</param>
    /// <param name="status">What became of it.</param>
    /// <param name="start">Stopwatch ticks at which its handling began.</param>
    internal void GpuFault(in GpuFault fault, int device, SvmStatus status, long start)
    {
        if (!IsOn)
            return;
        var one = new SvmEvent(SvmEventKind.GpuFault, fault.Address, PageSize.Bytes)
        {
            To = (short)device,
            Access = fault.Access,
            Status = status,
            Duration = Since(start),
        };
        Record(one);
        if (status != SvmStatus.Done && !status.IsRetry())
            Record(one with { Kind = SvmEventKind.FatalFault });
    }

    /// <summary>A waiting GPU access was told to try again.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="device">Who faulted: the pagemap's index.</param>
    internal void Replay(in GpuFault fault, int device)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.FaultReplay, fault.Address, PageSize.Bytes) { To = (short)device, Access = fault.Access, Duration = Since(fault.Timestamp) });
    }

    /// <summary>A device lost its mappings.</summary>
    /// <param name="mmuEvent">Why.</param>
    /// <param name="device">Which: the pagemap's index.</param>
    internal void Invalidation(in MmuEvent mmuEvent, int device)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.Invalidation, mmuEvent.Interval.Start, mmuEvent.Interval.Bytes) { To = (short)device, Cause = mmuEvent.Cause, Change = mmuEvent.Kind });
    }

    /// <summary>A range was mapped where it was.</summary>
    /// <param name="interval">The range.</param>
    /// <param name="device">Whose fault it was: the pagemap's index.</param>
    /// <param name="status">Why it did not move; done if it was not to.</param>
    internal void MapRemote(AddressRange interval, int device, SvmStatus status)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.MapRemote, interval.Start, interval.Bytes) { From = SvmPlace.Ram, To = (short)device, Cause = MigrationCause.GpuFault, Status = status });
    }

    /// <summary>The thrash policy has stepped into a quarrel over a range.</summary>
    /// <param name="interval">The range.</param>
    /// <param name="device">Who has touched it: the pagemap's index.</param>
    internal void Thrashing(AddressRange interval, int device)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.ThrashingDetected, interval.Start, interval.Bytes) { To = (short)device });
    }

    /// <summary>A device's touches of a range are held back from now on.</summary>
    /// <param name="interval">The range.</param>
    /// <param name="device">Whose: the pagemap's index.</param>
    internal void Throttling(AddressRange interval, int device)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.ThrottlingStart, interval.Start, interval.Bytes) { To = (short)device });
    }

    /// <summary>They are not any more.</summary>
    /// <param name="interval">The range.</param>
    /// <param name="device">Whose: the pagemap's index.</param>
    /// <param name="time">How long they were.</param>
    internal void ThrottlingOver(AddressRange interval, int device, TimeSpan time)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.ThrottlingEnd, interval.Start, interval.Bytes) { To = (short)device, Duration = time.Ticks * TimeSpan.NanosecondsPerTick });
    }

    /// <summary>A device has dropped faults.</summary>
    /// <param name="overflow">What it says of them.</param>
    /// <param name="device">Which: the pagemap's index.</param>
    internal void Overflow(in FaultOverflow overflow, int device)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.FaultBufferOverflow, overflow.Address, overflow.Faults << PageSize.Shift) { To = (short)device });
    }

    /// <summary>A region that a device has often used where it is was dealt with.</summary>
    /// <param name="region">The region.</param>
    /// <param name="device">Which device: the pagemap's index.</param>
    /// <param name="cause"><see cref="MigrationCause.AccessCounter"/> if pages were to come, else none.</param>
    /// <param name="status">What came of it.</param>
    internal void AccessCounter(AddressRange region, int device, MigrationCause cause, SvmStatus status)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.AccessCounter, region.Start, region.Bytes) { To = (short)device, Cause = cause, Status = status });
    }

    /// <summary>A device's queues were stopped.</summary>
    /// <param name="interval">What a running job is about to lose, or a part of it.</param>
    /// <param name="cause">On whose behalf pages move, if that is why.</param>
    /// <param name="device">Which: the pagemap's index.</param>
    internal void QueueStop(AddressRange interval, MigrationCause cause, int device)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.QueueStop, interval.Start, interval.Bytes) { To = (short)device, Cause = cause });
    }

    /// <summary>They were resumed.</summary>
    /// <param name="device">Which: the pagemap's index.</param>
    /// <param name="start">Stopwatch ticks at which they were stopped.</param>
    internal void QueueRestore(int device, long start)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.QueueRestore, default, 0) { To = (short)device, Duration = Since(start) });
    }

    /// <summary>Pages were brought before they were touched.</summary>
    /// <param name="interval">What was asked for.</param>
    /// <param name="to">Where to: a pagemap's index, or <see cref="SvmPlace.Ram"/>.</param>
    /// <param name="cause">A prefetch that was asked for, or one that follows a fault.</param>
    /// <param name="status">What came of it.</param>
    internal void Prefetch(AddressRange interval, int to, MigrationCause cause, SvmStatus status)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.Prefetch, interval.Start, interval.Bytes) { To = (short)to, Cause = cause, Status = status });
    }

    /// <summary>Pages have moved: tells of each run that came from one place.</summary>
    /// <param name="migration">The migration, completed.</param>
    /// <param name="to">Where to.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="culprit">For an eviction: who needed the room.</param>
    /// <param name="start">Stopwatch ticks at which it began.</param>
    internal void Migrated(PageMigration migration, short to, MigrationCause cause, VirtualAddress culprit, long start)
    {
        if (!IsOn)
            return;
        int pages = (int)migration.Interval.Pages;
        for (int page = 0; page < pages;)
        {
            int run = 0;
            short from = PlaceOf(migration.SourceEntry(page));
            while (page + run < pages && migration.HasArrived(page + run) && PlaceOf(migration.SourceEntry(page + run)) == from)
                run++;
            if (run > 0)
            {
                var one = new SvmEvent(SvmEventKind.Migration, migration.Interval.Start + ((long)page << PageSize.Shift), (long)run << PageSize.Shift)
                {
                    From = from,
                    To = to,
                    Cause = cause,
                    Culprit = culprit,
                    Duration = Since(start),
                };
                Record(one);
                if (cause == MigrationCause.Eviction)
                    Record(one with { Kind = SvmEventKind.Eviction });
            }

            page += Math.Max(run, 1);
        }
    }

    /// <summary>A device has copies of pages that stay in RAM.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="device">Which: the pagemap's index.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="start">Stopwatch ticks at which it began.</param>
    internal void Duplicated(AddressRange interval, int device, MigrationCause cause, long start)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.ReadDuplicate, interval.Start, interval.Bytes) { From = SvmPlace.Ram, To = (short)device, Cause = cause, Duration = Since(start) });
    }

    /// <summary>A device has lost copies.</summary>
    /// <param name="interval">The range that had them.</param>
    /// <param name="device">Which: the pagemap's index.</param>
    /// <param name="cause">On whose behalf.</param>
    internal void CopiesLost(AddressRange interval, int device, MigrationCause cause)
    {
        if (IsOn)
            Record(new SvmEvent(SvmEventKind.ReadDuplicateInvalidate, interval.Start, interval.Bytes) { From = (short)device, Cause = cause });
    }

    /// <summary>Copies were given up to make room.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="device">Whose: the pagemap's index.</param>
    /// <param name="cause">On whose behalf; only an eviction is told of.</param>
    /// <param name="culprit">Who needed the room.</param>
    internal void CopiesEvicted(AddressRange interval, short device, MigrationCause cause, VirtualAddress culprit)
    {
        if (IsOn && cause == MigrationCause.Eviction)
            Record(new SvmEvent(SvmEventKind.Eviction, interval.Start, interval.Bytes) { From = device, To = SvmPlace.Ram, Cause = cause, Culprit = culprit });
    }

    /// <summary>Where a page was.</summary>
    /// <param name="entry">Its entry before the migration.</param>
    /// <returns>The pagemap's index, or RAM.</returns>
    private static short PlaceOf(PageEntry entry) => entry.IsDevice ? (short)entry.Pagemap : SvmPlace.Ram;

    /// <summary>Nanoseconds since a timestamp.</summary>
    /// <param name="start">Stopwatch ticks; 0 for unknown.</param>
    /// <returns>Nanoseconds; 0 for unknown.</returns>
    private static long Since(long start) => start == 0 ? 0 : Histogram.NanosecondsOf(Stopwatch.GetTimestamp() - start);
}
