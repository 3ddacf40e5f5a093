// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Tests;

/// <summary>What a step of a random history does.</summary>
public enum HistoryStepKind
{
    /// <summary>Allocates 1 page to 2 MiB.</summary>
    Allocate,

    /// <summary>Frees an allocation, whatever the program has unmapped of it.</summary>
    Free,

    /// <summary>The CPU stores.</summary>
    CpuWrite,

    /// <summary>The CPU loads and compares.</summary>
    CpuRead,

    /// <summary>Pages go to the device.</summary>
    MoveAway,

    /// <summary>A block comes back.</summary>
    BringBack,

    /// <summary>The device stores to a page it holds.</summary>
    DeviceWrite,

    /// <summary>DMA stores to pages that are present.</summary>
    DmaWrite,

    /// <summary>Pages are made present.</summary>
    Populate,

    /// <summary>Write protection is set or taken away.</summary>
    WriteProtect,

    /// <summary>The program gives contents up.</summary>
    DontNeed,

    /// <summary>The program unmaps pages.</summary>
    Unmap,

    /// <summary>The program maps fresh pages over others, or into a hole.</summary>
    MapOver,
}
