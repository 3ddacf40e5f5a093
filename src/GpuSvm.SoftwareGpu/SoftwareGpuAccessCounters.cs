// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu;

/// <summary>The software GPU's access counters for one address space: a table of regions with their counts, and a ring of notifications.</summary>
/// <remarks>
/// <para><b>What is counted</b> is a translation that leads out of the device's memory, to a page of the program or to a peer's memory: one for each piece of a copy (at most 64 KiB, at most
/// what one translation covers), one for each run of neighbouring elements of a gather or scatter inside one translation, one for each atomic addition, one for each window opened, however
/// much is done through it. Whether the TLB had the translation makes no difference. With <see cref="AccessCounterConfiguration.CountsOwnMemory"/> those that stay inside count too.</para>
/// <para><b>What it costs.</b> A translation to the device's own memory is told from the others by the comparison that its use mark needs anyway: nothing is added to that way. The others find their
/// region's word in one cache line and count with one compare-exchange; a region that waits to be cleared costs the look alone.</para>
/// <para>A region's word holds its number (32 bits), how often its threshold is doubled (4) and its count (28). A table of 8192 words, 8 to a set: where a set is full the smallest count gives
/// way, and where all wait to be cleared the newcomer is not counted.</para>
/// <para>Locking: one small lock for the ring, nothing called under it. A unit takes it while it is in access, once for each notification: whoever holds it copies a batch at the most.</para>
/// </remarks>
public sealed class SoftwareGpuAccessCounters : IAccessCounterBuffer
{
    private const int Ways = 8; // A cache line.
    private const int SetBits = 10;
    private const int MaxTries = 16;
    private const int DoublingsShift = 28;
    private const int RegionShift = 32;
    private const ulong CountMask = (1UL << DoublingsShift) - 1;

    private readonly ulong[] _words = new ulong[(1 << SetBits) * Ways]; // Interlocked. 0 is nobody's.
    private readonly object _gate = new(); // A monitor, for it can wait; guards the ring.
    private readonly AccessNotification[] _ring;
    private readonly PageOrder _granularity;
    private readonly int _shift;
    private readonly ulong _threshold;
    private int _first;
    private int _count;
    private bool _closed;
    private long _notifications; // Interlocked.
    private long _dropped; // Interlocked.

    /// <summary>Begins to count.</summary>
    /// <param name="configuration">Checked values.</param>
    /// <param name="places">Notifications that can wait.</param>
    internal SoftwareGpuAccessCounters(in AccessCounterConfiguration configuration, int places)
    {
        _granularity = configuration.Granularity;
        _shift = PageSize.Shift + _granularity.Value;
        _threshold = (ulong)configuration.Threshold;
        CountsOwnMemory = configuration.CountsOwnMemory;
        _ring = new AccessNotification[places];
    }

    /// <inheritdoc/>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Notifications that wait at this moment.</summary>
    public int Waiting => Volatile.Read(ref _count); // Pairs with the stores under _gate; any recent value will do.

    /// <summary>Notifications so far, without those dropped.</summary>
    public long Notifications => Interlocked.Read(ref _notifications); // Written under _gate; any recent value will do.

    /// <summary>Whether it was closed.</summary>
    public bool IsClosed => Volatile.Read(ref _closed); // Pairs with Close; any recent value will do.

    /// <summary>Whether accesses of the device's own memory count too.</summary>
    internal bool CountsOwnMemory { get; }

    /// <inheritdoc/>
    public int Fetch(Span<AccessNotification> notifications)
    {
        lock (_gate)
        {
            while (_count == 0 && !_closed)
                Monitor.Wait(_gate);
            if (_closed)
                return 0;
            int taken = Math.Min(_count, notifications.Length);
            for (int i = 0; i < taken; i++)
            {
                notifications[i] = _ring[_first];
                _first = _first + 1 == _ring.Length ? 0 : _first + 1;
            }

            Volatile.Write(ref _count, _count - taken);
            return taken;
        }
    }

    /// <inheritdoc/>
    public void Clear(in AccessNotification notification, int doublings) =>
        Restart((uint)(notification.Region.Start.Value >> _shift), (ulong)Math.Clamp(doublings, 0, IAccessCounterBuffer.MaxDoublings));

    /// <inheritdoc/>
    public void ClearAll()
    {
        foreach (ref ulong word in _words.AsSpan())
            Interlocked.Exchange(ref word, 0);
    }

    /// <inheritdoc/>
    public void Close()
    {
        lock (_gate)
        {
            Volatile.Write(ref _closed, true); // For IsClosed.
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Counts an access.</summary>
    /// <param name="address">Any address of the region, below 2^48.</param>
    internal void CountAccess(ulong address)
    {
        ulong region = address >> _shift;
        Span<ulong> set = SetOf(region);
        for (int attempt = 0; attempt < MaxTries; attempt++) // Others count meanwhile; one that fails so often is not missed.
        {
            int place = Find(set, region, out ulong seen);
            if (place < 0 || IsTold(seen))
                return;
            ulong next = seen >> RegionShift == region ? seen + 1 : (region << RegionShift) + 1;
            if (Interlocked.CompareExchange(ref set[place], next, seen) != seen)
                continue;
            if (IsTold(next))
                Notify(region, next);
            return;
        }
    }

    /// <summary>Puts a notification into the ring.</summary>
    /// <param name="region">The region's number.</param>
    /// <param name="word">Its word.</param>
    private void Notify(ulong region, ulong word)
    {
        var told = new AccessNotification(new VirtualAddress(region << _shift).Block(_granularity), (long)(word & CountMask), DoublingsOf(word));
        lock (_gate)
        {
            if (_closed)
                return;
            if (_count < _ring.Length)
            {
                int last = _first + _count;
                _ring[last >= _ring.Length ? last - _ring.Length : last] = told;
                Volatile.Write(ref _count, _count + 1);
                Interlocked.Increment(ref _notifications);
                Monitor.Pulse(_gate);
                return;
            }
        }

        Interlocked.Increment(ref _dropped);
        Restart(region, (ulong)told.Doublings);
    }

    /// <summary>Begins to count a region anew; nothing happens if it has no counter any more.</summary>
    /// <param name="region">Its number.</param>
    /// <param name="doublings">How often its threshold is doubled.</param>
    private void Restart(ulong region, ulong doublings)
    {
        Span<ulong> set = SetOf(region);
        for (int attempt = 0; attempt < MaxTries; attempt++) // What has been told of changes only here.
        {
            int place = Find(set, region, out ulong seen);
            if (place < 0 || seen >> RegionShift != region)
                return;
            if (Interlocked.CompareExchange(ref set[place], (region << RegionShift) | (doublings << DoublingsShift), seen) == seen)
                return;
        }
    }

    /// <summary>Finds a region's place, or one that may be had for it.</summary>
    /// <param name="set">Its set.</param>
    /// <param name="region">Its number.</param>
    /// <param name="seen">What is there.</param>
    /// <returns>The place; negative if all wait to be cleared.</returns>
    private int Find(Span<ulong> set, ulong region, out ulong seen)
    {
        int best = -1;
        seen = 0;
        for (int place = 0; place < set.Length; place++)
        {
            ulong word = Volatile.Read(ref set[place]); // Pairs with the exchanges.
            if (word >> RegionShift == region && word != 0)
            {
                seen = word;
                return place;
            }

            if (!IsTold(word) && (best < 0 || (word & CountMask) < (seen & CountMask)))
            {
                best = place;
                seen = word;
            }
        }

        return best;
    }

    /// <summary>The words among which a region's is.</summary>
    /// <param name="region">Its number.</param>
    /// <returns>One set.</returns>
    private Span<ulong> SetOf(ulong region) => _words.AsSpan((int)((region * 0x9E3779B97F4A7C15UL) >> (64 - SetBits)) * Ways, Ways);

    /// <summary>Whether a region's count has reached its threshold.</summary>
    /// <param name="word">Its word.</param>
    private bool IsTold(ulong word) => (word & CountMask) >= _threshold << DoublingsOf(word);

    /// <summary>How often a region's threshold is doubled.</summary>
    /// <param name="word">Its word.</param>
    private static int DoublingsOf(ulong word) => (int)(word >> DoublingsShift) & 15;
}
