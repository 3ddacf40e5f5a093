// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Races;

/// <summary>A thread's lane at one line.</summary>
/// <param name="State">What the thread is doing.</param>
/// <param name="Locks">The locks it holds, each in the place where it is drawn; null where none is.</param>
internal readonly record struct RaceLane(RaceLaneState State, IReadOnlyList<HeldLock?> Locks);
