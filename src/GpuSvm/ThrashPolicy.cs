// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What becomes of pages that CPU and GPU take from each other, or that are evicted and come back.</summary>
public enum ThrashPolicy
{
    /// <summary>After a return they are mapped where they are for a time that doubles with each further one.</summary>
    BackOff,

    /// <summary>Several moves within a short time: the GPU is held back, then they are pinned in system memory for a time.</summary>
    Window,

    /// <summary>They move as often as they are touched.</summary>
    None,
}
