// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// The software GPU's queue of faults: a ring of fixed size. A unit has at most one fault outstanding, so with a place for each unit theirs never overflow,
/// requeued faults included. Faults that units raise ahead of need have some places more; what does not fit is dropped, and counted. Equal faults of several units are not merged here; that is the service's business.
/// </summary>
/// <remarks>
/// <para>A fault's token is the unit's number (low 9 bits) with a running number, so that an acknowledge reaches exactly the unit that waits for it, and a second
/// acknowledge of the same fault is caught rather than taken for the unit's next one.</para>
/// <para>Locking: one small lock for the ring and one for each unit, never together, nothing called under them. No allocation once every thread has waited once.</para>
/// </remarks>
public sealed class SoftwareGpuFaultBuffer : IFaultBuffer
{
    private const int UnitBits = 9;
    private const int MaxSequence = int.MaxValue >> UnitBits;

    private const int PrefetchPlaces = 16;
    private const int RefusalsToRest = 8;
    private const int Rest = 256;

    private readonly object _gate = new(); // A monitor, for it can wait; guards the ring.
    private readonly GpuFault[] _ring;
    private readonly Waiter[] _waiters;
    private readonly int _waitSpins;
    private int _first;
    private int _count;
    private int _sleeping; // Fetchers that wait for a pulse.
    private int _prefetches; // Of those in the ring. Guarded by _gate.
    private int _refusals; // Prefetches refused in a row; advice. Interlocked.
    private int _resting; // Prefetches still to be left out; advice. Interlocked.
    private long _overflows; // Guarded by _gate; read without.
    private long _toldOverflows; // Of these, those that were asked for. As _overflows.
    private VirtualAddress _overflowAddress; // Of the newest. Guarded by _gate.
    private int _overflowSpace; // Its address space. Guarded by _gate.
    private bool _closed;

    /// <summary>Makes an empty buffer.</summary>
    /// <param name="units">How many units can wait at once.</param>
    /// <param name="waitSpins">Rounds to look before sleeping.</param>
    internal SoftwareGpuFaultBuffer(int units, int waitSpins)
    {
        _ring = new GpuFault[units + PrefetchPlaces];
        _waitSpins = waitSpins;
        _waiters = new Waiter[units];
        for (int i = 0; i < units; i++)
            _waiters[i] = new Waiter();
    }

    /// <summary>Whom a faulting unit asks to serve in place; null, the default, leaves all to the fetchers. Set before the first launch.</summary>
    public IFaultHelper? Helper { get; set; }

    /// <summary>Faults that units raised ahead of need and that found no place.</summary>
    public long Overflows => Volatile.Read(ref _overflows); // Pairs with the store under _gate; any recent value will do.

    /// <summary>Faults in the buffer at this moment; those fetched and not acknowledged are not counted.</summary>
    public int Count => Volatile.Read(ref _count); // Pairs with the stores under _gate; any recent value will do.

    /// <inheritdoc/>
    public int Fetch(Span<GpuFault> faults)
    {
        if (faults.IsEmpty)
            return 0;
        for (int round = 0; round < _waitSpins && Volatile.Read(ref _count) == 0 && !Volatile.Read(ref _closed); round++) // A hint only; the lock decides.
            Thread.Yield();
        lock (_gate)
        {
            while (_count == 0 && !_closed)
            {
                _sleeping++;
                Monitor.Wait(_gate);
                _sleeping--;
            }

            return TakeLocked(faults);
        }
    }

    /// <summary>Takes waiting faults without waiting for one.</summary>
    /// <param name="faults">Where to put them.</param>
    /// <returns>How many; 0 if there is none.</returns>
    public int TryFetch(Span<GpuFault> faults)
    {
        if (Count == 0)
            return 0;
        lock (_gate)
            return TakeLocked(faults);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Nobody waits for this fault: it was acknowledged before.</exception>
    public void Acknowledge(in GpuFault fault, SvmStatus status)
    {
        if (fault.IsPrefetch)
        {
            NotePrefetch(status);
            return;
        }

        Waiter waiter = WaiterOf(fault);
        lock (waiter)
        {
            if (waiter.Token != fault.Token)
                throw NotWaiting(fault);
            waiter.Token = 0;
            waiter.Status = status;
            Volatile.Write(ref waiter.Answered, true); // Release: the status is there. Pairs with the look in RaiseAndWait.
            if (waiter.Sleeps)
                Monitor.Pulse(waiter);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Nobody waits for this fault: it was acknowledged before.</exception>
    public void Requeue(in GpuFault fault)
    {
        Waiter waiter = WaiterOf(fault);
        lock (waiter)
        {
            if (waiter.Token != fault.Token)
                throw NotWaiting(fault);
        }

        lock (_gate)
            PutLocked(fault);
    }

    /// <inheritdoc/>
    public bool TryTakeOverflow(out FaultOverflow overflow)
    {
        overflow = default;
        if (Overflows == Volatile.Read(ref _toldOverflows)) // A hint; the lock decides.
            return false;
        lock (_gate)
        {
            overflow = new FaultOverflow(_overflows - _toldOverflows, _overflowAddress, _overflowSpace);
            Volatile.Write(ref _toldOverflows, _overflows); // Pairs with the look above.
            return overflow.Faults > 0;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Faults raised from now on fail with <see cref="SvmStatus.DeviceGone"/> without entering; those inside are still fetched.</remarks>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Puts a fault ahead of need into the buffer. A device whose prefetches are refused one after the other leaves the next ones out for a while.</summary>
    /// <param name="address">The address that may be wanted next.</param>
    /// <param name="access">How.</param>
    /// <param name="addressSpaceId">In which address space.</param>
    /// <returns>False if it was left out: prefetches rest, the buffer is full, or closed.</returns>
    internal bool TryRaisePrefetch(VirtualAddress address, MemoryAccess access, int addressSpaceId)
    {
        if (Volatile.Read(ref _resting) > 0) // A hint; a few more or less do not matter.
        {
            Interlocked.Decrement(ref _resting);
            return false;
        }

        lock (_gate)
        {
            if (_closed)
                return false;
            if (_prefetches < PrefetchPlaces)
            {
                _prefetches++;
                PutLocked(new GpuFault(address, access, addressSpaceId, 0, Stopwatch.GetTimestamp(), IsPrefetch: true));
                return true;
            }

            Volatile.Write(ref _overflows, _overflows + 1); // Pairs with the looks without the lock.
            _overflowAddress = address;
            _overflowSpace = addressSpaceId;
        }

        return false;
    }

    /// <summary>Learns whether prefetches are of use.</summary>
    /// <param name="status">What became of one.</param>
    private void NotePrefetch(SvmStatus status)
    {
        if (status == SvmStatus.Done)
            Volatile.Write(ref _refusals, 0); // Advice.
        else if (Interlocked.Increment(ref _refusals) % RefusalsToRest == 0)
            Volatile.Write(ref _resting, Rest); // Advice.
    }

    /// <summary>Puts a unit's fault into the buffer and waits for its acknowledge.</summary>
    /// <param name="unit">The unit's number.</param>
    /// <param name="address">The faulting address.</param>
    /// <param name="access">What was tried.</param>
    /// <param name="addressSpaceId">In which address space.</param>
    /// <returns>What the fault was acknowledged with; <see cref="SvmStatus.DeviceGone"/> if the buffer is closed.</returns>
    internal SvmStatus RaiseAndWait(int unit, VirtualAddress address, MemoryAccess access, int addressSpaceId)
    {
        Waiter waiter = _waiters[unit];
        waiter.Sequence = waiter.Sequence == MaxSequence ? 1 : waiter.Sequence + 1;
        int token = (waiter.Sequence << UnitBits) | unit;
        GpuFault fault = new(address, access, addressSpaceId, token, Stopwatch.GetTimestamp());
        waiter.Answered = false;
        waiter.Token = token; // Published to acknowledgers by the ring's lock.
        IFaultHelper? helper = Helper;
        lock (_gate)
        {
            if (_closed)
            {
                waiter.Token = 0;
                return SvmStatus.DeviceGone;
            }

            PutLocked(fault, wake: helper is null);
        }

        if (helper is not null)
        {
            _ = helper.TryService(fault);
            if (!Volatile.Read(ref waiter.Answered) && Count != 0) // Somebody else has it, or nobody yet.
                WakeFetcher();
        }

        for (int round = 0; round < _waitSpins && !Volatile.Read(ref waiter.Answered); round++) // Pairs with Acknowledge.
            Thread.Yield();
        lock (waiter)
        {
            while (!waiter.Answered)
            {
                waiter.Sleeps = true;
                Monitor.Wait(waiter);
                waiter.Sleeps = false;
            }

            return waiter.Status;
        }
    }

    /// <summary>Wakes one fetcher that sleeps.</summary>
    private void WakeFetcher()
    {
        lock (_gate)
        {
            if (_sleeping > 0)
                Monitor.Pulse(_gate);
        }
    }

    /// <summary>Moves faults out of the ring, oldest first.</summary>
    private int TakeLocked(Span<GpuFault> faults)
    {
        int taken = Math.Min(_count, faults.Length);
        for (int i = 0; i < taken; i++)
        {
            faults[i] = _ring[_first];
            _prefetches -= faults[i].IsPrefetch ? 1 : 0;
            _first = _first + 1 == _ring.Length ? 0 : _first + 1;
        }

        _count -= taken;
        return taken;
    }

    /// <summary>Puts a fault at the ring's end.</summary>
    private void PutLocked(in GpuFault fault, bool wake = true)
    {
        if (_count == _ring.Length)
            throw new InvalidOperationException("The fault buffer holds more faults than there are units: one was requeued twice.");
        int last = _first + _count;
        _ring[last >= _ring.Length ? last - _ring.Length : last] = fault;
        Volatile.Write(ref _count, _count + 1);
        if (wake && _sleeping > 0)
            Monitor.Pulse(_gate);
    }

    /// <summary>The waiter that a fault's token names.</summary>
    private Waiter WaiterOf(in GpuFault fault)
    {
        int unit = fault.Token & ((1 << UnitBits) - 1);
        return fault.Token > 0 && unit < _waiters.Length ? _waiters[unit] : throw NotWaiting(fault);
    }

    /// <summary>The exception for a fault that is answered twice, or never was.</summary>
    private static InvalidOperationException NotWaiting(in GpuFault fault) =>
        new($"Nobody waits for the fault at {fault.Address} with token {fault.Token}: it was acknowledged before, or is no fault of this device.");

    /// <summary>Where one unit waits. Its own monitor guards Token, Status and Sleeps while a fault is out; the unit alone sets them before.</summary>
    private sealed class Waiter
    {
        /// <summary>The token of the fault that is out; 0 for none.</summary>
        internal int Token;

        /// <summary>The unit's running number of faults.</summary>
        internal int Sequence;

        /// <summary>What the fault was acknowledged with.</summary>
        internal SvmStatus Status;

        /// <summary>Whether it was acknowledged.</summary>
        internal bool Answered;

        /// <summary>Whether the unit waits for a pulse.</summary>
        internal bool Sleeps;
    }
}
