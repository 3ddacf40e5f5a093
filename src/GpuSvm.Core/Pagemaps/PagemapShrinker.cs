// SPDX-License-Identifier: MIT
using System.Diagnostics.CodeAnalysis;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// The idle pagemaps of one device, oldest first. They are kept because coming back is cheap, and given up when memory is short. Kernel: struct drm_pagemap_shrinker.
/// </summary>
/// <remarks>
/// Whoever takes a pagemap off the list alone decides about it: a lookup revives it, a scan destroys it. A scan forgets it in its cache only if the cache still
/// means this one, since a lookup that lost the race may have put another there.
/// Locking: one leaf lock, which also guards the state of every pagemap of the device; nothing is called under it.
/// </remarks>
public sealed class PagemapShrinker
{
    private readonly RankedLock _lock = new(LockRank.Leaf, "PagemapShrinker");
    private readonly object _changed = new(); // Pulsed when a pagemap has become idle or was destroyed.
    private readonly AgeList<Pagemap> _idle = new(); // Guarded by _lock.

    /// <summary>How many pagemaps are idle: what a scan could free; a snapshot.</summary>
    public int Count => _idle.Count;

    /// <summary>Destroys idle pagemaps, oldest first: what to do when memory is short.</summary>
    /// <param name="max">How many at most.</param>
    /// <returns>How many.</returns>
    /// <remarks>Locking: may be called with locks of any rank below Leaf held.</remarks>
    public int Scan(int max)
    {
        int freed = 0;
        while (freed < max && TryPop(out Pagemap? pagemap))
        {
            SchedulePoint.Reach(SchedulePointKind.Collect, this);
            pagemap.Cache?.Forget(pagemap);
            pagemap.Destroy(isAtomic: true);
            freed++;
        }

        return freed;
    }

    /// <summary>Whether the list is whole and holds idle pagemaps only, for checkers.</summary>
    /// <returns>True if so.</returns>
    internal bool IsConsistent()
    {
        using (_lock.Enter())
        {
            int count = 0;
            for (Pagemap? pagemap = _idle.Oldest; pagemap is not null; pagemap = ((IAged<Pagemap>)pagemap).Newer, count++)
            {
                if (pagemap.State != PagemapState.Idle || count >= _idle.Count)
                    return false;
            }

            return count == _idle.Count;
        }
    }

    /// <summary>Lists a pagemap whose last reference has gone.</summary>
    /// <param name="pagemap">The pagemap.</param>
    /// <returns>False if there is nothing to come back to: its device is unplugged, or its cache is closed. Then it is the caller's to destroy.</returns>
    internal bool TryAdd(Pagemap pagemap)
    {
        bool isKept;
        using (_lock.Enter())
        {
            isKept = pagemap.Cache is not null && !pagemap.IsClosed;
            pagemap.State = isKept ? PagemapState.Idle : PagemapState.Destroyed;
            if (isKept)
                _idle.Add(pagemap);
        }

        SchedulePoint.Signal(this);
        lock (_changed)
            Monitor.PulseAll(_changed);
        return isKept;
    }

    /// <summary>Takes a pagemap off the list, to revive it; waits for one whose last reference has gone a moment ago to get there.</summary>
    /// <param name="pagemap">The pagemap.</param>
    /// <returns>False if a scan was faster, or somebody has ended it: it is lost.</returns>
    /// <remarks>Locking: waits for a thread that is inside <see cref="Pagemap.Put"/> and needs leaf locks only.</remarks>
    internal bool TryClaim(Pagemap pagemap)
    {
        while (true)
        {
            using (_lock.Enter())
            {
                if (pagemap.State == PagemapState.Idle)
                {
                    _idle.Remove(pagemap);
                    pagemap.State = PagemapState.Claimed;
                    return true;
                }

                if (pagemap.State != PagemapState.Active)
                    return false;
            }

            if (SchedulePoint.TryWait(this))
                continue;
            lock (_changed)
                Monitor.Wait(_changed, millisecondsTimeout: 1);
        }
    }

    /// <summary>Says what becomes of a claimed pagemap.</summary>
    /// <param name="pagemap">The pagemap.</param>
    /// <param name="state">Active before it is revived, or destroyed.</param>
    internal void SetClaimed(Pagemap pagemap, PagemapState state)
    {
        using (_lock.Enter())
            pagemap.State = state;
    }

    /// <summary>Separates a pagemap from its cache, so that it is not kept any more.</summary>
    /// <param name="pagemap">The pagemap.</param>
    /// <returns>True if it was idle: it is the caller's to destroy. If not, its last put does that.</returns>
    internal bool Detach(Pagemap pagemap)
    {
        using (_lock.Enter())
        {
            pagemap.Cache = null;
            if (pagemap.State != PagemapState.Idle)
                return false;
            _idle.Remove(pagemap);
            pagemap.State = PagemapState.Destroyed;
            return true;
        }
    }

    /// <summary>Takes the oldest pagemap off the list, to destroy it.</summary>
    /// <param name="pagemap">The pagemap.</param>
    /// <returns>False if none is idle.</returns>
    private bool TryPop([NotNullWhen(true)] out Pagemap? pagemap)
    {
        using (_lock.Enter())
        {
            pagemap = _idle.Oldest;
            if (pagemap is null)
                return false;
            _idle.Remove(pagemap);
            pagemap.State = PagemapState.Destroyed;
            return true;
        }
    }
}
