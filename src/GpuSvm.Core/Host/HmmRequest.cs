// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>What an HMM walk is asked to do with pages that are not as wanted. Each includes the ones before it, so that requests are combined by "or" and cut down by "and".
/// Kernel: HMM_PFN_REQ_FAULT and HMM_PFN_REQ_WRITE.</summary>
[Flags]
public enum HmmRequest : byte
{
    /// <summary>Change nothing, tell what is there.</summary>
    Snapshot = 0,

    /// <summary>Make every page readable.</summary>
    Read = 1,

    /// <summary>Make every page writable.</summary>
    Write = 3,

    /// <summary>Make every page writable, and those in RAM the caller's alone: the CPU faults when it touches one. Kernel: make_device_exclusive.</summary>
    Exclusive = 7,
}
