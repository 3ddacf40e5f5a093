// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>One life of an explored program.</summary>
/// <remarks>The threads run one at a time; what they may not do is sleep for one another by other means than <see cref="Core.Locking.SchedulePoint"/> offers.</remarks>
public interface IExploredMachine : IDisposable
{
    /// <summary>The threads, at least one; they begin together.</summary>
    IReadOnlyList<ExploredThread> Threads { get; }

    /// <summary>Nobody can go on: lets time pass until a timer is due.</summary>
    /// <returns>What the timer does, to be run as a thread of the machine; null if no timer is set.</returns>
    Action? LetTimePass();

    /// <summary>Every thread has ended: looks whether everything is as it must be.</summary>
    /// <returns>What is wrong, or null.</returns>
    ScheduleFailure? Check();

    /// <summary>Says in a few words how things stand at this moment, for pictures: a line for each thing worth watching.</summary>
    /// <returns>Name and state of each; the same names in the same order each time. Empty if there is nothing to watch.</returns>
    /// <remarks>Called between two steps, while threads stand still wherever they are: it may take no lock.</remarks>
    IReadOnlyList<(string Name, string State)> Watch();
}
