// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu.Mirror;

/// <summary>One entry of a mirror device's table.</summary>
/// <param name="Frame">The device's own frame; -1 for a page in RAM.</param>
/// <param name="Pointer">Where the page in RAM is; nowhere for a device frame.</param>
/// <param name="IsWritable">Whether the device may write through it.</param>
public readonly record struct MirrorEntry(int Frame, DmaPointer Pointer, bool IsWritable)
{
    /// <summary>Whether the page lies in the device's own memory.</summary>
    public bool IsDevice => Frame >= 0;

    /// <summary>The entry in few letters, for reports.</summary>
    /// <returns>As "device rw".</returns>
    public override string ToString() => (IsDevice ? "device " : "ram ") + (IsWritable ? "rw" : "r");
}
