// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Scenarios;

/// <summary>What an operation of a scenario does.</summary>
public enum ScenarioVerb
{
    /// <summary>Reads a number; by a CPU thread or a device.</summary>
    Read,

    /// <summary>Writes a number that no other operation writes.</summary>
    Write,

    /// <summary>Adds to a number, atomically among those of its kind.</summary>
    Add,

    /// <summary>The program unmaps pages.</summary>
    Unmap,

    /// <summary>The program maps fresh pages where some were unmapped, or over others.</summary>
    Map,

    /// <summary>The program forbids writing, or reading too, or allows both again.</summary>
    Protect,

    /// <summary>The program gives contents up: zeroes come next.</summary>
    Discard,

    /// <summary>The program moves pages to the addresses of another memory.</summary>
    Remap,

    /// <summary>Pages become shared with a child, as fork makes them: protected until a write breaks them apart.</summary>
    Share,

    /// <summary>The program forks, and the child looks at every number.</summary>
    Fork,

    /// <summary>The library frees an allocation.</summary>
    Free,

    /// <summary>Pages are brought to a device, or home, ahead of need.</summary>
    Prefetch,

    /// <summary>A device's memory gives up what its policy picks, or everything.</summary>
    Evict,

    /// <summary>Dead ranges are removed.</summary>
    Collect,

    /// <summary>Advice is given or taken back.</summary>
    Advise,

    /// <summary>A device has pages in RAM for itself, for atomics.</summary>
    Exclusive,

    /// <summary>A device is taken away.</summary>
    Unplug,

    /// <summary>A user pointer's pages are validated and bound.</summary>
    Use,

    /// <summary>A job begins, of the thread that says so, and has pages bound.</summary>
    Job,

    /// <summary>The thread's job ends.</summary>
    EndJob,

    /// <summary>A look: pages must be where the line says, or have no advice.</summary>
    Expect,

    /// <summary>The process side ends.</summary>
    Exit,

    /// <summary>The contents are given up at once, without waiting.</summary>
    Reap,

    /// <summary>A use of a device's pagemap begins.</summary>
    Get,

    /// <summary>It ends.</summary>
    Put,

    /// <summary>Memory pressure: idle pagemaps go.</summary>
    Shrink,

    /// <summary>Time passes.</summary>
    Sleep,

    /// <summary>The next operation of a kind fails on purpose.</summary>
    Inject,
}
