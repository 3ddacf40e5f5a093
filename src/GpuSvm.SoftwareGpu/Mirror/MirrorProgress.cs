// SPDX-License-Identifier: MIT
namespace GpuSvm.SoftwareGpu.Mirror;

/// <summary>How far a device came.</summary>
/// <param name="Pages">Pages done.</param>
/// <param name="Faults">Passes of its fault loop that succeeded.</param>
public readonly record struct MirrorProgress(int Pages, int Faults);
