// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>Chooses schedules, one after the other.</summary>
public interface IScheduleStrategy
{
    /// <summary>Its name, for people.</summary>
    string Name { get; }

    /// <summary>Whether it wants to choose at points that mark a place in the protocol and touch nothing that others touch, too. An exhaustive search loses nothing without them.</summary>
    bool ChoosesAtMarks { get; }

    /// <summary>Begins the next schedule.</summary>
    /// <returns>False if there is none left.</returns>
    bool TryBegin();

    /// <summary>Chooses who goes on.</summary>
    /// <param name="choice">The moment.</param>
    /// <returns>One of the threads that can.</returns>
    int Choose(in ScheduleChoice choice);

    /// <summary>The schedule has ended.</summary>
    /// <param name="choices">How many choices it had.</param>
    void End(int choices);
}
