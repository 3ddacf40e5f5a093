// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Moves a range to the device whenever the GPU touches it. What becomes of ranges that both sides fight over is the thrash policy's business.</summary>
public sealed class FirstTouchPlacement : IPlacementPolicy
{
    /// <inheritdoc/>
    public bool ShouldMigrate(in PlacementFacts facts) => facts.IsMigratable;
}
