// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>Decides what becomes of a GPU touch of pages that go to and fro between a device and RAM. Given facts, never locks.</summary>
public interface IThrashPolicy
{
    /// <summary>Moves within this time of each other are one quarrel: <see cref="ThrashFacts.Moves"/> counts them.</summary>
    TimeSpan Window { get; }

    /// <summary>What to do with a touch that the placement policy would move pages for.</summary>
    /// <param name="facts">What is known.</param>
    /// <returns>The answer.</returns>
    /// <remarks>Called on the fault path: must not allocate, wait or throw. Asked only of ranges that have left a device against the GPU's will, and not while they are pinned.</remarks>
    ThrashAnswer Answer(in ThrashFacts facts);
}
