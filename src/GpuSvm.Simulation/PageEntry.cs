// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation;

/// <summary>One entry of the simulated CPU page table: where a page is and what may be done with it.</summary>
internal struct PageEntry
{
    /// <summary>The frame, if present.</summary>
    public int Frame;

    /// <summary>The state.</summary>
    public PageFlags Flags;

    /// <summary>Whether there is a page, be it the page of zeroes.</summary>
    public readonly bool IsPresent => (Flags & PageFlags.Present) != 0;

    /// <summary>Whether it is the shared page of zeroes.</summary>
    public readonly bool IsZero => (Flags & PageFlags.Zero) != 0;

    /// <summary>Whether it is present on a frame of its own.</summary>
    public readonly bool OwnsFrame => (Flags & (PageFlags.Present | PageFlags.Zero)) == PageFlags.Present;

    /// <summary>Whether a store goes through as far as the entry is concerned; the mapping has a say too.</summary>
    public readonly bool IsWritable => (Flags & (PageFlags.Present | PageFlags.Zero | PageFlags.WriteProtected)) == PageFlags.Present;
}
