// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Linux;

/// <summary>
/// Where devices have been told that they may not read or write. mprotect tells nobody, so each look at a mapping is compared with this: a right that is gone and not noted
/// is a change to announce; a right that has come back is merely noted, for devices ask for it by a fault.
/// </summary>
/// <remarks>Thread-safe. Locking: a leaf lock, taken only where something is noted.</remarks>
internal sealed class ProtectionNotes
{
    private readonly RankedLock _lock = new(LockRank.Leaf, "noted protections");
    private readonly IntervalSet _unreadable = new(); // Guarded by _lock.
    private readonly IntervalSet _unwritable = new(); // Guarded by _lock.
    private int _count; // Intervals noted; written under _lock.

    /// <summary>Notes the rights that a mapping has lost.</summary>
    /// <param name="mapping">The mapping as just seen.</param>
    /// <returns>True if one was not noted before: it is to be announced.</returns>
    internal bool NoteLosses(in HostMapping mapping)
    {
        if (mapping is { IsReadable: true, IsWritable: true })
            return false;
        using (_lock.Enter())
        {
            bool isNew = Note(_unreadable, mapping.IsReadable, mapping.Interval) | Note(_unwritable, mapping.IsWritable, mapping.Interval);
            Volatile.Write(ref _count, _unreadable.Count + _unwritable.Count); // Pairs with NoteGains.
            return isNew;
        }
    }

    /// <summary>Whether a mapping has lost a right that is not noted: <see cref="NoteLosses"/> would note it.</summary>
    /// <param name="mapping">The mapping as just seen.</param>
    /// <returns>True if so.</returns>
    internal bool IsNews(in HostMapping mapping)
    {
        if (mapping is { IsReadable: true, IsWritable: true })
            return false;
        using (_lock.Enter())
            return IsNews(_unreadable, mapping.IsReadable, mapping.Interval) || IsNews(_unwritable, mapping.IsWritable, mapping.Interval);
    }

    /// <summary>Notes the rights that a mapping has.</summary>
    /// <param name="mapping">The mapping as just seen.</param>
    internal void NoteGains(in HostMapping mapping)
    {
        if (Volatile.Read(ref _count) == 0) // Pairs with NoteLosses: who has just noted a loss looks at the mapping once more.
            return;
        using (_lock.Enter())
        {
            if (mapping.IsReadable)
                _unreadable.Subtract(mapping.Interval.Start.Value, mapping.Interval.End.Value);
            if (mapping.IsWritable)
                _unwritable.Subtract(mapping.Interval.Start.Value, mapping.Interval.End.Value);
            Volatile.Write(ref _count, _unreadable.Count + _unwritable.Count);
        }
    }

    /// <summary>Notes one right's loss.</summary>
    /// <param name="noted">Where it is noted.</param>
    /// <param name="isAllowed">Whether the mapping has the right.</param>
    /// <param name="interval">The mapping's interval.</param>
    /// <returns>True if it was not noted.</returns>
    private static bool Note(IntervalSet noted, bool isAllowed, AddressRange interval)
    {
        if (!IsNews(noted, isAllowed, interval))
            return false;
        noted.Add(interval.Start.Value, interval.End.Value);
        return true;
    }

    /// <summary>Whether one right's loss is not noted yet.</summary>
    /// <param name="noted">Where it would be noted.</param>
    /// <param name="isAllowed">Whether the mapping has the right.</param>
    /// <param name="interval">The mapping's interval.</param>
    /// <returns>True if so.</returns>
    private static bool IsNews(IntervalSet noted, bool isAllowed, AddressRange interval) => !isAllowed && !noted.Contains(interval.Start.Value, interval.End.Value);
}
