// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>A place in an <see cref="IndexSpace"/>; what a space does not have is 0.</summary>
/// <param name="X">The index in a row.</param>
/// <param name="Y">The row.</param>
/// <param name="Z">The layer.</param>
public readonly record struct Index3(nint X, nint Y = 0, nint Z = 0);
