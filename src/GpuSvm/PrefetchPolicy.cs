// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What else comes to the device beside the piece that a GPU fault moves.</summary>
public enum PrefetchPolicy
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The 64 KiB of the fault and the 64 KiB behind them.</summary>
    Sequential,

    /// <summary>The largest aligned part of the 2 MiB around the fault that is then more than half there.</summary>
    Tree,

    /// <summary>The 2 MiB around the fault.</summary>
    Block,

    /// <summary>As many steps ahead as faults have come at the same distance, in either direction.</summary>
    Stride,

    /// <summary>A window behind the fault that doubles as long as it is hit and shrinks when it is missed.</summary>
    Adaptive,

    /// <summary>What the device asks for itself: behind each fault that it had to wait for it raises another, for which it does not wait.</summary>
    Hardware,
}
