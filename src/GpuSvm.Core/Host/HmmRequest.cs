// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>What an HMM walk is asked to do with pages that are not as wanted.</summary>
public enum HmmRequest
{
    /// <summary>Change nothing, tell what is there.</summary>
    Snapshot,

    /// <summary>Make every page readable.</summary>
    Read,

    /// <summary>Make every page writable.</summary>
    Write,

    /// <summary>Make every page writable, and those in RAM the caller's alone: the CPU faults when it touches one. Kernel: make_device_exclusive.</summary>
    Exclusive,
}
