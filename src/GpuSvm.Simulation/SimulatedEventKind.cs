// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation;

/// <summary>What the simulated program did behind the client's back.</summary>
internal enum SimulatedEventKind
{
    /// <summary>Unmapped an interval, or mapped another over it.</summary>
    Unmap,

    /// <summary>Gave the contents of an interval up.</summary>
    Discard,

    /// <summary>Stored to the page of zeroes, which now is a page of its own and still reads as zeroes.</summary>
    Replace,

    /// <summary>Changed what it may do with an interval.</summary>
    Protect,

    /// <summary>Moved an interval to other addresses.</summary>
    Remap,
}
