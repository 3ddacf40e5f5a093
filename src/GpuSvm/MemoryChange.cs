// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>Why an interval of the host address space changes.</summary>
public enum MemoryChange
{
    /// <summary>The mapping goes away.</summary>
    Unmap,

    /// <summary>The pages' contents go away (madvise), the mapping stays.</summary>
    Clear,

    /// <summary>The mapping's protection changes.</summary>
    Protection,

    /// <summary>Pages move between memories.</summary>
    Migrate,

    /// <summary>A device takes pages in RAM for itself alone, for its atomics, or the CPU takes them back.</summary>
    Exclusive,

    /// <summary>The whole address space ends.</summary>
    Release,

    /// <summary>Pages in RAM are only read from now on, so that devices may have copies of them.</summary>
    Share,

    /// <summary>Somebody is about to write shared pages: the copies go.</summary>
    Collapse,

    /// <summary>One device needs the room of its copies.</summary>
    DropCopies,
}
