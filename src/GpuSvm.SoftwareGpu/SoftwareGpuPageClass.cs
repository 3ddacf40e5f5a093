// SPDX-License-Identifier: MIT
namespace GpuSvm.SoftwareGpu;

/// <summary>The three sizes of a translation.</summary>
public enum SoftwareGpuPageClass
{
    /// <summary>4 KiB: one entry of the lowest table.</summary>
    Small = 0,

    /// <summary>64 KiB: 16 neighbouring entries of the lowest table that say so, one TLB entry.</summary>
    Medium = 1,

    /// <summary>2 MiB: one entry of the directory.</summary>
    Huge = 2,
}
