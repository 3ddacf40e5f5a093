// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation;

/// <summary>Where in the simulated memory a thread stands when it reaches a schedule point; see <see cref="SimulatedStep"/>.</summary>
public enum SimulatedOperation
{
    /// <summary>About to map fresh memory.</summary>
    Allocate,

    /// <summary>About to unmap an allocation.</summary>
    Free,

    /// <summary>About to read the CPU's page table.</summary>
    Query,

    /// <summary>About to make absent pages present.</summary>
    Populate,

    /// <summary>About to take pages from the CPU.</summary>
    Detach,

    /// <summary>About to give pages to the CPU.</summary>
    Attach,

    /// <summary>About to change write protection.</summary>
    WriteProtect,

    /// <summary>About to drop pages for the client.</summary>
    Discard,

    /// <summary>About to access pages as a DMA engine does.</summary>
    DmaAccess,

    /// <summary>A program thread is about to access a page; once more for each try after a fault.</summary>
    CpuAccess,

    /// <summary>A program thread has missed a page, holds no lock, and is about to tell the client.</summary>
    CpuFault,

    /// <summary>The program is about to change its mappings: map, unmap, protect or give contents up.</summary>
    MappingChange,

    /// <summary>The program's unmap has taken effect; nobody has been told yet.</summary>
    UnmapApplied,

    /// <summary>The client's gate is open and the event has been read; it has not been handled yet.</summary>
    EventRead,

    /// <summary>The event has been handled and the gate is closed.</summary>
    EventHandled,
}
