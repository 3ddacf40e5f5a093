// SPDX-License-Identifier: MIT
namespace GpuSvm.Stress;

/// <summary>How runs on real memory are delayed at schedule points.</summary>
public enum DelayMode
{
    /// <summary>In turn: one run of four without delays, one at random, two that follow.</summary>
    Mixed,

    /// <summary>Not at all: as the machine likes.</summary>
    None,

    /// <summary>At random, from a seed.</summary>
    Random,

    /// <summary>As a schedule of the explorer goes.</summary>
    Follow,
}
