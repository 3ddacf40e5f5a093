// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Pagemaps;

/// <summary>
/// What the frames of one allocation point to: a count of who still needs the allocation, one for each page that lies in it and one for each call under way.
/// The last put releases the allocation. Kernel: struct drm_pagemap_zdd.
/// </summary>
public sealed class ZoneDeviceData
{
    private int _references; // Interlocked; 0 is released.

    /// <summary>The allocation that the frames belong to.</summary>
    public DeviceAllocation Allocation { get; }

    /// <summary>Creates the data of an allocation, unreferenced.</summary>
    /// <param name="allocation">The allocation.</param>
    internal ZoneDeviceData(DeviceAllocation allocation) => Allocation = allocation;

    /// <summary>How many references there are.</summary>
    public int References => Volatile.Read(ref _references); // Pairs with the interlocked changes below.

    /// <summary>Takes references while at least one is held.</summary>
    /// <param name="count">How many.</param>
    public void Get(int count) => Interlocked.Add(ref _references, count);

    /// <summary>Takes a reference unless the allocation has been released.</summary>
    /// <returns>False if it has.</returns>
    public bool TryGet()
    {
        for (int seen = References; seen != 0;)
        {
            int now = Interlocked.CompareExchange(ref _references, seen + 1, seen);
            if (now == seen)
                return true;
            seen = now;
        }

        return false;
    }

    /// <summary>Drops references; the last one releases the allocation.</summary>
    /// <param name="count">How many.</param>
    public void Put(int count)
    {
        int left = Interlocked.Add(ref _references, -count);
        if (left < 0)
            throw new InvalidOperationException("A device allocation was released more often than referenced.");
        if (left == 0)
            Allocation.Pagemap.Release(Allocation);
    }

    /// <summary>Starts a new life with one reference, for the call that allocates.</summary>
    internal void Revive() => Volatile.Write(ref _references, 1); // Nobody else can see the allocation yet.
}
