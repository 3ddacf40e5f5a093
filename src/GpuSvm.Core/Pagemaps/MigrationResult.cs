// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Pagemaps;

/// <summary>What a migration really did, in pages; the last four add up to the first.</summary>
/// <param name="Requested">The pages asked for.</param>
/// <param name="AlreadyThere">Of these, pages that were there before, wherever on the device.</param>
/// <param name="Moved">Pages that came.</param>
/// <param name="Left">Pages that could not be taken from where they are: held by others, pinned, or no room for them.</param>
/// <param name="Failed">Pages that were on their way and did not arrive: a copy failed, or they were unmapped meanwhile. Their bytes are where they were.</param>
public readonly record struct MigrationResult(int Requested, int AlreadyThere, int Moved, int Left, int Failed)
{
    /// <summary>Adds two results up.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>The sum.</returns>
    public static MigrationResult operator +(MigrationResult left, MigrationResult right) => new(
        left.Requested + right.Requested,
        left.AlreadyThere + right.AlreadyThere,
        left.Moved + right.Moved,
        left.Left + right.Left,
        left.Failed + right.Failed);
}
