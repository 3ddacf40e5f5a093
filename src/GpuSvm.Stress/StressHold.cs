// SPDX-License-Identifier: MIT
namespace GpuSvm.Stress;

/// <summary>A step of a schedule that is followed: a thread does not go on from a point before another has passed one.</summary>
/// <param name="Thread">Who is held.</param>
/// <param name="At">Where.</param>
/// <param name="Other">For whom.</param>
/// <param name="Until">What that thread passes first.</param>
/// <param name="IsWindow">Whether the schedule took the turn from the held thread there: the other comes into what would go on at once. Otherwise it had to wait, or had not begun.</param>
internal sealed record StressHold(int Thread, StressPoint At, int Other, StressPoint Until, bool IsWindow);
