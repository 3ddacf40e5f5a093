// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Decides where the pages of a range go when the GPU touches it. Given facts, never locks.</summary>
public interface IPlacementPolicy
{
    /// <summary>Whether to move the range to the device; if not, it is mapped where it is.</summary>
    /// <param name="facts">What is known.</param>
    /// <returns>True to migrate.</returns>
    /// <remarks>Called on the fault path: must not allocate, wait or throw.</remarks>
    bool ShouldMigrate(in PlacementFacts facts);
}
