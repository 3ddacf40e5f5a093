// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Explaining;

/// <summary>
/// Time cut into a fixed number of bins whose width doubles when a trace goes on beyond the last of them: whatever is kept by bin needs the same memory for a millisecond and for a day.
/// </summary>
public sealed class TimeAxis
{
    /// <summary>How many bins there are.</summary>
    public const int Bins = 256;

    private const long FirstWidth = 256; // Nanoseconds.

    private readonly List<Action> _folds = [];
    private long _origin = -1;

    /// <summary>The width of a bin in nanoseconds.</summary>
    public long Width { get; private set; } = FirstWidth;

    /// <summary>The latest time so far, in nanoseconds since the first. It never goes back: a record that is late counts as of now.</summary>
    public long Now { get; private set; }

    /// <summary>How many bins have something in them, at least 1.</summary>
    public int Used => (int)(Now / Width) + 1;

    /// <summary>Has something done when two bins become one, before anything is put into them.</summary>
    /// <param name="fold">What is to be done.</param>
    public void WhenFolded(Action fold) => _folds.Add(fold);

    /// <summary>Goes on to a time.</summary>
    /// <param name="time">Nanoseconds of the trace's clock; the first one is where the axis begins.</param>
    /// <returns>The bin.</returns>
    public int Reach(long time)
    {
        if (_origin < 0)
            _origin = Math.Max(time, 0);
        Now = Math.Max(Now, time - _origin);
        while (Now / Width >= Bins)
        {
            Width *= 2;
            foreach (Action fold in _folds)
                fold();
        }

        return (int)(Now / Width);
    }
}
