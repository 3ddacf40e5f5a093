// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>How many items there are in each direction; what a space does not have is 1.</summary>
/// <param name="X">Items in a row.</param>
/// <param name="Y">Rows in a layer.</param>
/// <param name="Z">Layers.</param>
public readonly record struct Extent3(nint X, nint Y = 1, nint Z = 1)
{
    /// <summary>All items.</summary>
    public nint Count => X * Y * Z;
}
