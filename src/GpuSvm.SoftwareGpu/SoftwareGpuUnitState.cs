// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// What a compute unit tells the invalidators, in a cache line of its own. Only the unit writes it. The protocol is told at <see cref="SoftwareGpuPageTable"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal struct SoftwareGpuUnitState
{
    /// <summary>1 while the unit may use a translation, 0 otherwise. Plain (release) stores; the invalidator pays for the barrier.</summary>
    internal int InAccess;

    /// <summary>The address space whose kernel the unit runs; 0 while it runs none or waits for a fault. Set with a full fence, cleared with a release.</summary>
    internal int ActiveSpace;

    /// <summary>The newest invalidation of that space after which the unit holds no older translation.</summary>
    internal ulong Acknowledged;
}
