// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>How far a <see cref="MirrorDevice"/> came.</summary>
/// <param name="Pages">Pages done.</param>
/// <param name="Faults">How often it faulted.</param>
public readonly record struct MirrorProgress(long Pages, long Faults);
