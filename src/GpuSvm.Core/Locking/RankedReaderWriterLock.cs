// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>A reader/writer lock with a rank, for many readers at once. Not recursive, not upgradable.</summary>
/// <remarks>
/// Each reader counts itself in at its thread's own stripe, so that readers do not take a cache line from each other; the base library's lock has one line for all, and two threads that serve
/// faults spend as long on it as on the fault. A writer takes an inner lock, says that it is there and waits until every stripe is at zero. A reader that finds a writer counts itself out and queues
/// up for the inner lock, behind which no writer is: it counts itself in there. So neither side starves.
///
/// Where nearly everybody writes, and holds the lock for less time than a look at the stripes takes, readers take the inner lock like writers.
/// </remarks>
/// <param name="rank">Its place in the order.</param>
/// <param name="name">Its name in messages.</param>
/// <param name="hasFewReaders">Whether readers exclude each other too.</param>
public sealed class RankedReaderWriterLock(LockRank rank, string name, bool hasFewReaders = false)
{
    private const int Stride = ThreadStripe.LineBytes / sizeof(int);

    private readonly Lock _writers = new(); // Held by the writer; by a reader to queue up.
    private readonly object _gate = new(); // A monitor, for it can wait: a writer for the last reader.
    private readonly int[]? _readers = hasFewReaders ? null : new int[(ThreadStripe.Count + 1) * Stride]; // By stripe, behind one line of the array's own. Interlocked.
    private int _hasWriter; // 1 while a writer has the lock or waits for it. Written by who holds _writers.

    /// <summary>Whether readers exclude each other too.</summary>
    public bool HasFewReaders => _readers is null;

    /// <summary>Its place in the order.</summary>
    public LockRank Rank { get; } = rank;

    /// <summary>Its name in messages.</summary>
    public string Name { get; } = name;

    /// <summary>Takes the lock shared; dispose the result to give it back.</summary>
    /// <returns>The scope that holds it.</returns>
    public ReadScope EnterRead()
    {
        LockOrder.CheckTake(Rank, Name);
        SchedulePoint.Reach(SchedulePointKind.LockTakeShared, this);
        if (_readers is null)
            TakeInner();
        else if (!TryCountIn())
            QueueUp();
        LockOrder.Taken(this, Rank, Name, isWrite: false);
        return new ReadScope(this);
    }

    /// <summary>Takes the lock exclusively; dispose the result to give it back.</summary>
    /// <returns>The scope that holds it.</returns>
    public WriteScope EnterWrite()
    {
        LockOrder.CheckTake(Rank, Name);
        SchedulePoint.Reach(SchedulePointKind.LockTake, this);
        Own();
        LockOrder.Taken(this, Rank, Name, isWrite: true);
        return new WriteScope(this);
    }

    /// <summary>Takes the lock exclusively across method boundaries; the same thread calls <see cref="ExitGate"/>. For gates that an interface opens and closes.</summary>
    public void EnterGate() => EnterWrite();

    /// <summary>Gives back what <see cref="EnterGate"/> took.</summary>
    public void ExitGate() => ExitWrite();

    /// <summary>Asserts that this thread holds the lock, in either mode.</summary>
    public void AssertHeld() => LockOrder.AssertHeld(this, write: false);

    /// <summary>Asserts that this thread holds the lock exclusively.</summary>
    public void AssertHeldWrite() => LockOrder.AssertHeld(this, write: true);

    /// <summary>Gives a shared hold back.</summary>
    private void ExitRead()
    {
        LockOrder.Released(this);
        if (_readers is null)
            _writers.Exit();
        else
            CountOut();
        SchedulePoint.Reach(SchedulePointKind.LockReleased, this);
    }

    /// <summary>Gives an exclusive hold back.</summary>
    private void ExitWrite()
    {
        LockOrder.Released(this);
        if (_readers is not null)
            Volatile.Write(ref _hasWriter, 0); // What the writer wrote comes first. Pairs with TryCountIn.
        _writers.Exit();
        SchedulePoint.Reach(SchedulePointKind.LockReleased, this);
    }

    /// <summary>Counts this thread in, if no writer is there.</summary>
    /// <returns>False if one is.</returns>
    private bool TryCountIn()
    {
        Interlocked.Increment(ref Mine); // Before the look: either the writer sees it, or it sees the writer. Pairs with Own.
        if (Volatile.Read(ref _hasWriter) == 0)
            return true;
        CountOut();
        return false;
    }

    /// <summary>Counts this thread in behind the writer that is there.</summary>
    private void QueueUp()
    {
        TakeInner();
        Interlocked.Increment(ref Mine); // No writer can come as long as the inner lock is held.
        _writers.Exit();
    }

    /// <summary>Counts this thread out, and wakes a writer that may wait for it.</summary>
    private void CountOut()
    {
        Interlocked.Decrement(ref Mine); // Before the look. Pairs with Own.
        if (Volatile.Read(ref _hasWriter) == 0)
            return;
        lock (_gate)
            Monitor.PulseAll(_gate);
    }

    /// <summary>Takes the inner lock.</summary>
    private void TakeInner()
    {
        if (!_writers.TryEnter())
            ShortWait.Enter(_writers);
    }

    /// <summary>Keeps other writers out, then new readers, and waits for those that are in.</summary>
    private void Own()
    {
        TakeInner();
        if (_readers is null)
            return;
        Interlocked.Exchange(ref _hasWriter, 1); // Before the look. Pairs with TryCountIn and CountOut.
        for (int spin = 0; HasReaders(); spin++)
        {
            if (spin < ShortWait.Spins)
            {
                ShortWait.Spin();
                continue;
            }

            lock (_gate)
            {
                if (HasReaders())
                    Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Whether a reader is in.</summary>
    /// <returns>True if one is.</returns>
    private bool HasReaders()
    {
        for (int stripe = 1; stripe <= ThreadStripe.Count; stripe++)
        {
            if (Volatile.Read(ref _readers![stripe * Stride]) != 0) // Pairs with the interlocked changes.
                return true;
        }

        return false;
    }

    /// <summary>The calling thread's count of holds.</summary>
    private ref int Mine => ref _readers![(ThreadStripe.Current + 1) * Stride];

    /// <summary>A shared hold.</summary>
    /// <remarks>Wraps a held lock.</remarks>
    /// <param name="owner">The lock held.</param>
    public readonly ref struct ReadScope(RankedReaderWriterLock owner)
    {
        private readonly RankedReaderWriterLock _owner = owner;

        /// <summary>Gives the lock back.</summary>
        public void Dispose() => _owner.ExitRead();
    }

    /// <summary>An exclusive hold.</summary>
    /// <remarks>Wraps a held lock.</remarks>
    /// <param name="owner">The lock held.</param>
    public readonly ref struct WriteScope(RankedReaderWriterLock owner)
    {
        private readonly RankedReaderWriterLock _owner = owner;

        /// <summary>Gives the lock back.</summary>
        public void Dispose() => _owner.ExitWrite();
    }
}
