// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>
/// The per-thread list of held locks, and the checks over it. Every lock here reports to it when <see cref="CoreSwitches.Checks"/> is on.
/// </summary>
/// <remarks>Taking a lock of the same or a lower rank than one already held throws, naming both; so every test finds an order that could deadlock
/// even on a run where it does not.</remarks>
public static class LockOrder
{
    private const int MaxHeld = 16;

    [ThreadStatic]
    private static Held[]? _held;

    [ThreadStatic]
    private static int _count;

    /// <summary>One held lock.</summary>
    /// <param name="Lock">The lock object.</param>
    /// <param name="Rank">Its rank.</param>
    /// <param name="Name">Its name.</param>
    /// <param name="IsWrite">Whether it is held exclusively.</param>
    private readonly record struct Held(object Lock, LockRank Rank, string Name, bool IsWrite);

    /// <summary>Checks that taking a lock now keeps the order. Call before the wait.</summary>
    /// <param name="rank">The rank to take.</param>
    /// <param name="name">The lock's name, for the message.</param>
    /// <exception cref="LockOrderException">The order is broken; the message names both locks.</exception>
    public static void CheckTake(LockRank rank, string name)
    {
        if (!CoreSwitches.Checks || _count == 0)
            return;
        Held innermost = _held![_count - 1];
        if (rank <= innermost.Rank)
            throw new LockOrderException(
                $"Lock order broken: taking '{name}' (rank {rank}) while holding '{innermost.Name}' (rank {innermost.Rank}). Take outer ranks first.");
    }

    /// <summary>Records that a lock is held now.</summary>
    /// <param name="lockObject">The lock.</param>
    /// <param name="rank">Its rank.</param>
    /// <param name="name">Its name.</param>
    /// <param name="isWrite">Whether exclusively.</param>
    public static void Taken(object lockObject, LockRank rank, string name, bool isWrite)
    {
        if (!CoreSwitches.Checks)
            return;
        Held[] held = _held ??= new Held[MaxHeld];
        if (_count == MaxHeld)
            throw new LockOrderException($"More than {MaxHeld} locks held by one thread when taking '{name}'.");
        held[_count++] = new Held(lockObject, rank, name, isWrite);
        if (rank == LockRank.Notifier)
            AllocationWatch.Begin();
    }

    /// <summary>Records that a lock is no longer held.</summary>
    /// <param name="lockObject">The lock.</param>
    /// <exception cref="LockOrderException">This thread does not hold it.</exception>
    public static void Released(object lockObject)
    {
        if (!CoreSwitches.Checks)
            return;
        for (int i = _count - 1; i >= 0; i--)
        {
            if (!ReferenceEquals(_held![i].Lock, lockObject))
                continue;
            if (_held[i].Rank == LockRank.Notifier)
                AllocationWatch.End(_held[i].Name);
            Array.Copy(_held, i + 1, _held, i, _count - i - 1);
            _held[--_count] = default;
            return;
        }

        throw new LockOrderException("A lock is released by a thread that does not hold it.");
    }

    /// <summary>Asserts that this thread holds a lock.</summary>
    /// <param name="lockObject">The lock.</param>
    /// <param name="write">Whether it must be held exclusively.</param>
    /// <exception cref="LockOrderException">It is not held so.</exception>
    public static void AssertHeld(object lockObject, bool write)
    {
        if (!CoreSwitches.Checks)
            return;
        for (int i = 0; i < _count; i++)
        {
            if (ReferenceEquals(_held![i].Lock, lockObject) && (!write || _held[i].IsWrite))
                return;
        }

        throw new LockOrderException(write ? "A lock must be held for write here." : "A lock must be held here.");
    }

    /// <summary>Asserts that nothing of a rank or deeper is held: for code that may allocate, wait or call the host memory.</summary>
    /// <param name="rank">The rank that must not be reached.</param>
    /// <exception cref="LockOrderException">Something that deep is held.</exception>
    public static void AssertNothingAtOrBelow(LockRank rank)
    {
        if (CoreSwitches.Checks && _count > 0 && _held![_count - 1].Rank >= rank)
            throw new LockOrderException($"'{_held[_count - 1].Name}' must not be held here: rank {rank} and deeper are forbidden.");
    }

    /// <summary>Asserts that no lock of a rank is held: for calls to the host memory, which may not be made under a notifier lock (INV-25).</summary>
    /// <param name="rank">The rank.</param>
    /// <exception cref="LockOrderException">One is held.</exception>
    public static void AssertNotHeld(LockRank rank)
    {
        if (!CoreSwitches.Checks)
            return;
        for (int i = 0; i < _count; i++)
        {
            if (_held![i].Rank == rank)
                throw new LockOrderException($"'{_held[i].Name}' (rank {rank}) must not be held here.");
        }
    }

    /// <summary>The number of locks this thread holds; always 0 when checks are off.</summary>
    public static int HeldCount => CoreSwitches.Checks ? _count : 0;
}
