// SPDX-License-Identifier: MIT
using System.Diagnostics.CodeAnalysis;

namespace GpuSvm.Native;

/// <summary>
/// Hands out numbers for objects: the low half is a slot, the high half the slot's generation, so that a number that was closed never means another
/// object later and never crashes anything.
/// </summary>
/// <typeparam name="T">What the numbers stand for.</typeparam>
/// <param name="isForeign">Whether this process is one that only looks like the one which gave the handles out, a forked child: then all of them stand for nothing. Null: it never is.</param>
/// <remarks>Locking: <see cref="_gate"/> guards all fields and the entries' counts; nothing else is taken or called under it.</remarks>
internal sealed class HandleTable<T>(Func<bool>? isForeign = null)
    where T : class
{
    private readonly object _gate = new();
    private readonly List<Entry?> _entries = [];
    private readonly List<uint> _generations = [];
    private readonly Stack<int> _free = [];

    /// <summary>Enters an object.</summary>
    /// <param name="value">The object.</param>
    /// <returns>Its handle, never 0.</returns>
    public ulong Add(T value)
    {
        lock (_gate)
        {
            if (!_free.TryPop(out int slot))
            {
                slot = _entries.Count;
                _entries.Add(null);
                _generations.Add(0);
            }
            uint generation = ++_generations[slot];
            _entries[slot] = new Entry(value);
            return ((ulong)generation << 32) | ((uint)slot + 1);
        }
    }

    /// <summary>Borrows an object: it is not drained before the lease ends.</summary>
    /// <param name="handle">Any number.</param>
    /// <param name="lease">The lease, to be disposed.</param>
    /// <returns>False if the number stands for nothing, or no longer, or this is a forked child, where no lock of the parent's is to be taken: a thread that does not exist here may hold it.</returns>
    public bool TryBorrow(ulong handle, out Lease lease)
    {
        lease = default;
        if (isForeign?.Invoke() == true)
            return false;
        lock (_gate)
        {
            if (!TryFindLocked(handle, out int slot))
            {
                return false;
            }
            Entry entry = _entries[slot]!;
            entry.Users++;
            lease = new Lease(this, entry);
            return true;
        }
    }

    /// <summary>Takes an object out; who has borrowed it keeps it.</summary>
    /// <param name="handle">Any number.</param>
    /// <returns>False if it stands for nothing, or no longer, or in a forked child.</returns>
    public bool Remove(ulong handle)
    {
        if (isForeign?.Invoke() == true)
            return false;
        lock (_gate)
            return TryTakeLocked(handle, out _);
    }

    /// <summary>Takes an object out and waits until nobody has it borrowed any more. The caller must not have borrowed it itself.</summary>
    /// <param name="handle">Any number.</param>
    /// <param name="value">The object, the caller's alone from now on.</param>
    /// <param name="beforeWait">Called with the object before the wait, to make those who hold it come back.</param>
    /// <returns>False if the number stands for nothing, or no longer.</returns>
    public bool RemoveAndDrain(ulong handle, [NotNullWhen(true)] out T? value, Action<T> beforeWait)
    {
        value = null;
        if (isForeign?.Invoke() == true)
            return false;
        Entry? entry;
        lock (_gate)
        {
            if (!TryTakeLocked(handle, out entry))
            {
                return false;
            }
        }
        value = entry.Value;
        beforeWait(value);
        lock (_gate)
        {
            while (entry.Users > 0)
                Monitor.Wait(_gate);
        }
        return true;
    }

    /// <summary>The slot of a live handle. Locking: the caller holds the gate.</summary>
    private bool TryFindLocked(ulong handle, out int slot)
    {
        slot = (int)(uint)handle - 1;
        return slot >= 0 && slot < _entries.Count && _generations[slot] == (uint)(handle >> 32) && _entries[slot] != null;
    }

    /// <summary>Empties the slot of a live handle. Locking: the caller holds the gate.</summary>
    private bool TryTakeLocked(ulong handle, [NotNullWhen(true)] out Entry? entry)
    {
        entry = null;
        if (!TryFindLocked(handle, out int slot))
            return false;
        entry = _entries[slot]!;
        _entries[slot] = null;
        _free.Push(slot);
        return true;
    }

    /// <summary>Ends one lease.</summary>
    private void Return(Entry entry)
    {
        lock (_gate)
        {
            if (--entry.Users == 0)
                Monitor.PulseAll(_gate);
        }
    }

    /// <summary>An object in use by some calls.</summary>
    internal readonly ref struct Lease
    {
        private readonly HandleTable<T> _table;
        private readonly Entry _entry;

        /// <summary>Wraps a count that was taken.</summary>
        internal Lease(HandleTable<T> table, Entry entry)
        {
            _table = table;
            _entry = entry;
        }

        /// <summary>The object.</summary>
        public T Value => _entry.Value;

        /// <summary>Gives it back.</summary>
        public void Dispose() => _table?.Return(_entry);
    }

    /// <summary>One object and how many calls use it.</summary>
    internal sealed class Entry(T value)
    {
        /// <summary>The object.</summary>
        public T Value { get; } = value;

        /// <summary>Leases that have not ended; guarded by the table's gate.</summary>
        public int Users { get; set; }
    }
}
