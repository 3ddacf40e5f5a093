// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <summary>The smallest program worth exploring: two threads, each of which takes one lock twice and counts under it. What explorers are compared by: nearly all its time is theirs.</summary>
public sealed class CounterProgram : IExploredProgram
{
    /// <summary>Its name in the tool.</summary>
    public const string ToolName = "counter";

    /// <inheritdoc/>
    public string Name => ToolName;

    /// <inheritdoc/>
    public IExploredMachine Build() => new Machine();

    /// <summary>One life of it.</summary>
    private sealed class Machine : IExploredMachine
    {
        private readonly RankedLock _lock = new(LockRank.Leaf, "counter");
        private int _count; // Guarded by _lock.

        /// <summary>Makes the threads.</summary>
        public Machine() => Threads = [new ExploredThread("one", Count), new ExploredThread("two", Count)];

        /// <inheritdoc/>
        public IReadOnlyList<ExploredThread> Threads { get; }

        /// <inheritdoc/>
        public Action? LetTimePass() => null;

        /// <inheritdoc/>
        public ScheduleFailure? Check() => _count == 4 ? null : new ScheduleFailure(ScheduleFailureKind.LostByte, $"counted {_count} instead of 4");

        /// <inheritdoc/>
        public IReadOnlyList<(string Name, string State)> Watch() => [("count", _count.ToString(System.Globalization.CultureInfo.InvariantCulture))];

        /// <inheritdoc/>
        public void Dispose()
        {
        }

        /// <summary>What each thread does.</summary>
        private void Count()
        {
            for (int turn = 0; turn < 2; turn++)
            {
                using (_lock.Enter())
                    _count++;
            }
        }
    }
}
