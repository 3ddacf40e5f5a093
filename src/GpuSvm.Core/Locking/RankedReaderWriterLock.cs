// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>A reader/writer lock with a rank. Not recursive, not upgradable.</summary>
/// <remarks>Creates a lock.</remarks>
/// <param name="rank">Its place in the order.</param>
/// <param name="name">Its name in messages.</param>
public sealed class RankedReaderWriterLock(LockRank rank, string name) : IDisposable
{
    private readonly ReaderWriterLockSlim _lock = new(LockRecursionPolicy.NoRecursion);

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
        _lock.EnterReadLock();
        LockOrder.Taken(this, Rank, Name, isWrite: false);
        return new ReadScope(this);
    }

    /// <summary>Takes the lock exclusively; dispose the result to give it back.</summary>
    /// <returns>The scope that holds it.</returns>
    public WriteScope EnterWrite()
    {
        LockOrder.CheckTake(Rank, Name);
        SchedulePoint.Reach(SchedulePointKind.LockTake, this);
        _lock.EnterWriteLock();
        LockOrder.Taken(this, Rank, Name, isWrite: true);
        return new WriteScope(this);
    }

    /// <summary>Asserts that this thread holds the lock, in either mode.</summary>
    public void AssertHeld() => LockOrder.AssertHeld(this, write: false);

    /// <summary>Asserts that this thread holds the lock exclusively.</summary>
    public void AssertHeldWrite() => LockOrder.AssertHeld(this, write: true);

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    /// <summary>Gives a shared hold back.</summary>
    private void ExitRead()
    {
        LockOrder.Released(this);
        _lock.ExitReadLock();
        SchedulePoint.Reach(SchedulePointKind.LockReleased, this);
    }

    /// <summary>Gives an exclusive hold back.</summary>
    private void ExitWrite()
    {
        LockOrder.Released(this);
        _lock.ExitWriteLock();
        SchedulePoint.Reach(SchedulePointKind.LockReleased, this);
    }

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
