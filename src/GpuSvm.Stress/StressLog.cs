// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Stress;

/// <summary>Which thread came to which point after which, in one run.</summary>
/// <remarks>Locking: none; a place in the list is taken by one interlocked addition. It is read when all threads have ended.</remarks>
internal sealed class StressLog
{
    private readonly (int Thread, SchedulePointKind Kind, string Subject)[] _points = new (int, SchedulePointKind, string)[1 << 14];
    private int _count; // Interlocked.

    /// <summary>A thread has come to a point.</summary>
    /// <param name="thread">Its number.</param>
    /// <param name="kind">The point.</param>
    /// <param name="subject">The object concerned, by name.</param>
    public void Add(int thread, SchedulePointKind kind, string subject)
    {
        int place = Interlocked.Increment(ref _count) - 1; // Pairs with itself.
        if (place < _points.Length)
            _points[place] = (thread, kind, subject);
    }

    /// <summary>Forgets everything, for the next run.</summary>
    public void Clear() => _count = 0;

    /// <summary>Adds what was come past to a coverage.</summary>
    /// <param name="coverage">Gets it.</param>
    public void AddTo(ScheduleCoverage coverage) => Follow(_points.Take(Math.Min(_count, _points.Length)), coverage);

    /// <summary>Adds points that were come to one after the other to a coverage.</summary>
    /// <param name="points">The points.</param>
    /// <param name="coverage">Gets them.</param>
    public static void Follow(IEnumerable<(int Thread, SchedulePointKind Kind, string Subject)> points, ScheduleCoverage coverage)
    {
        int lastThread = -1;
        int last = -1;
        foreach ((int thread, SchedulePointKind kind, string subject) in points)
        {
            int point = coverage.NumberOf(kind, subject);
            if (last >= 0 && lastThread != thread)
                coverage.Follow(last, point);
            (lastThread, last) = (thread, point);
        }
    }
}
