// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What a thrash policy can do with a touch.</summary>
public enum ThrashAction
{
    /// <summary>Nothing: the pages move.</summary>
    Move,

    /// <summary>The touch is served late, so that the side that has the pages gets work done; then they move.</summary>
    Throttle,

    /// <summary>This touch maps the pages where they are, which lasts until something takes the mapping away.</summary>
    MapRemotely,

    /// <summary>The pages are mapped where they are by every touch for a time, and after it the mapping is taken away, so that the next touch may move them.</summary>
    Pin,
}
