// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>What a host memory can promise.</summary>
[Flags]
public enum HostMemoryCapabilities
{
    /// <summary>Nothing beyond plain memory: pages must be home before a launch is reported done.</summary>
    None = 0,

    /// <summary>A CPU touch of a page that is not there is announced and waits: pages may stay on a device after a launch.</summary>
    CpuFaults = 1,

    /// <summary><see cref="IHostMemory.WriteProtect"/> works, and a CPU write to a protected page is announced.</summary>
    WriteProtect = 2,

    /// <summary>Whole 2 MiB pages exist and move as one.</summary>
    HugePages = 4,

    /// <summary>A touch of fresh memory gives a page of zeroes lazily; otherwise all pages are present from the start.</summary>
    LazyZero = 8,

    /// <summary>Changes made behind our back (munmap, madvise) are announced.</summary>
    MappingEvents = 16,

    /// <summary>The program may move pages to other addresses (mremap), which is announced. Pages are then taken and made only inside the gate, so that no such move comes
    /// between the look at who owns a page and the deed; a memory that does not promise this must not let it happen.</summary>
    Remaps = 32,
}
