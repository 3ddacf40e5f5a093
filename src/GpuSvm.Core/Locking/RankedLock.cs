// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>A mutual-exclusion lock with a rank. Not recursive.</summary>
/// <remarks>Creates a lock.</remarks>
/// <param name="rank">Its place in the order.</param>
/// <param name="name">Its name in messages.</param>
public sealed class RankedLock(LockRank rank, string name)
{
    private readonly Lock _lock = new();

    /// <summary>Its place in the order.</summary>
    public LockRank Rank { get; } = rank;

    /// <summary>Its name in messages.</summary>
    public string Name { get; } = name;

    /// <summary>Takes the lock; dispose the result to give it back.</summary>
    /// <returns>The scope that holds it.</returns>
    public Scope Enter()
    {
        LockOrder.CheckTake(Rank, Name);
        SchedulePoint.Reach(SchedulePointKind.LockTake, this);
        if (!_lock.TryEnter())
            ShortWait.Enter(_lock);
        LockOrder.Taken(this, Rank, Name, isWrite: true);
        return new Scope(this);
    }

    /// <summary>Asserts that this thread holds the lock.</summary>
    public void AssertHeld() => LockOrder.AssertHeld(this, write: true);

    /// <summary>Gives the lock back.</summary>
    private void Exit()
    {
        LockOrder.Released(this);
        _lock.Exit();
        SchedulePoint.Reach(SchedulePointKind.LockReleased, this);
    }

    /// <summary>A held lock; giving it back is disposing this, once.</summary>
    /// <remarks>Wraps a held lock.</remarks>
    /// <param name="owner">The lock held.</param>
    public readonly ref struct Scope(RankedLock owner)
    {
        private readonly RankedLock _owner = owner;

        /// <summary>Gives the lock back.</summary>
        public void Dispose() => _owner.Exit();
    }
}
