// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <summary>What schedules have come past: points, and pairs of points of two threads of which one came right after the other, over all schedules.</summary>
public sealed class ScheduleCoverage
{
    private readonly Dictionary<(SchedulePointKind Kind, string Subject), int> _numbers = [];
    private readonly HashSet<long> _pairs = [];

    /// <summary>Different points: kinds with what kind of object they concern.</summary>
    public int Points => _numbers.Count;

    /// <summary>Different pairs: a point of one thread, and the point that another came to next.</summary>
    public int Pairs => _pairs.Count;

    /// <summary>The number of a point.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="subject">What kind of object it concerns.</param>
    /// <returns>Its number, from 0.</returns>
    internal int NumberOf(SchedulePointKind kind, string subject)
    {
        if (!_numbers.TryGetValue((kind, subject), out int number))
            _numbers.Add((kind, subject), number = _numbers.Count);
        return number;
    }

    /// <summary>How many pairs another coverage has too.</summary>
    /// <param name="other">The other.</param>
    /// <returns>The number.</returns>
    internal int CountShared(ScheduleCoverage other)
    {
        (SchedulePointKind, string)[] names = [.. _numbers.OrderBy(pair => pair.Value).Select(pair => pair.Key)];
        return _pairs.Count(pair =>
            other._numbers.TryGetValue(names[(int)(pair >> 32)], out int first)
            && other._numbers.TryGetValue(names[(int)(uint)pair], out int second)
            && other._pairs.Contains(((long)first << 32) | (uint)second));
    }

    /// <summary>One thread has come to a point right after another has passed one.</summary>
    /// <param name="first">The point that was passed.</param>
    /// <param name="second">The point that was come to.</param>
    internal void Follow(int first, int second) => _pairs.Add(((long)first << 32) | (uint)second);
}
