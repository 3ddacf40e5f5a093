// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>One part of an interval as <see cref="IntervalTree{T}.Spans"/> gives it.</summary>
/// <typeparam name="T">The tree's objects.</typeparam>
/// <param name="Interval">The part, clipped to the interval asked for; never empty.</param>
/// <param name="First">The first object in it; null for a hole.</param>
public readonly record struct IntervalSpan<T>(AddressRange Interval, T? First)
    where T : IntervalNode<T>
{
    /// <summary>Whether no object is in it.</summary>
    public bool IsHole => First is null;
}
