// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What a thrash policy is told about a range that the GPU has touched and that has left a device before.</summary>
/// <param name="Bytes">The range's size.</param>
/// <param name="Moves">Moves to a device and back in a row, each within <see cref="IThrashPolicy.Window"/> of the one before; 0 if the last one was longer ago.</param>
/// <param name="ReturnCount">How often its pages left a device in a row, each within 50 ms of the one before.</param>
/// <param name="SinceReturn">Since they last did.</param>
/// <param name="SinceArrival">Since a GPU fault last brought pages; <see cref="TimeSpan.MaxValue"/> if that is not known.</param>
/// <param name="WasEvicted">Whether they left last to make room, not because the CPU wanted them: then nobody gains by waiting.</param>
/// <param name="Throttled">How often touches were held back in this quarrel.</param>
/// <param name="Pins">How often it was pinned before, each within a second of the end of the one before.</param>
public readonly record struct ThrashFacts(
    long Bytes, int Moves, int ReturnCount, TimeSpan SinceReturn, TimeSpan SinceArrival, bool WasEvicted, int Throttled, int Pins);
