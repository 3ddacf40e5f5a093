// SPDX-License-Identifier: MIT
using GpuSvm.Core.Policies;

namespace GpuSvm.Conformance.Races;

/// <summary>Moves everything on every touch: no back-off, so that tests are deterministic.</summary>
public sealed class MigrateAlways : IPlacementPolicy
{
    /// <inheritdoc/>
    public bool ShouldMigrate(in PlacementFacts facts) => facts.IsMigratable;
}
