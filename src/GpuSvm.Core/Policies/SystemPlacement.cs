// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Leaves everything in RAM and maps it there.</summary>
public sealed class SystemPlacement : IPlacementPolicy
{
    /// <inheritdoc/>
    public bool ShouldMigrate(in PlacementFacts facts) => false;
}
