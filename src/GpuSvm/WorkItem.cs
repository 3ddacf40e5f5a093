// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>One item of an <see cref="IndexSpace"/>, as its group sees it.</summary>
/// <param name="Global">Where it is in the space.</param>
/// <param name="Local">Where it is in its group.</param>
public readonly record struct WorkItem(Index3 Global, Index3 Local);
