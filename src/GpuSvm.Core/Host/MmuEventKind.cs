// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>Why an interval of the host address space changes. Kernel: enum mmu_notifier_event.</summary>
public enum MmuEventKind
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

    /// <summary>Pages in RAM are from now on only read, by CPU threads and devices alike, so that a device may have copies of them. Copies that others have stay good.</summary>
    Share,

    /// <summary>Somebody is about to write pages of which devices may have copies: the copies go.</summary>
    Collapse,

    /// <summary>One device needs the room that copies take: its copies go, those of others stay.</summary>
    DropCopies,
}
