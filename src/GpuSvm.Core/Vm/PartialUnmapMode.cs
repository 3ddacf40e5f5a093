// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Vm;

/// <summary>What becomes of a range when the CPU unmaps a part of it.</summary>
public enum PartialUnmapMode
{
    /// <summary>It is split: what is left stays mapped, bound and where it is, in smaller ranges.</summary>
    Split,

    /// <summary>It dies: what is left comes home, and smaller ranges are made when it is touched again. What the kernel does.</summary>
    Kill,
}
