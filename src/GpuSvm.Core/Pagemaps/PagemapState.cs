// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Pagemaps;

/// <summary>Where a pagemap stands between its uses.</summary>
internal enum PagemapState
{
    /// <summary>In use, or a moment after: its last reference has gone and it is on its way to the idle list.</summary>
    Active,

    /// <summary>On the idle list.</summary>
    Idle,

    /// <summary>Taken off the idle list by one who alone decides about it now: revive or destroy.</summary>
    Claimed,

    /// <summary>Over.</summary>
    Destroyed,
}
