// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What leaves when the device's memory is full.</summary>
public enum EvictionPolicy
{
    /// <summary>What the GPU has not used for the longest time.</summary>
    Unused,

    /// <summary>What the GPU has faulted on least recently.</summary>
    FaultOrder,

    /// <summary>What came first.</summary>
    Fifo,

    /// <summary>What came first and was not used since the last round.</summary>
    Clock,

    /// <summary>Anything.</summary>
    Random,

    /// <summary>As <see cref="FaultOrder"/>, and with it what is left of 2 MiB of which less than half is there.</summary>
    Tree,
}
