// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Tests;

/// <summary>A few threads over whatever a test makes for each schedule.</summary>
/// <typeparam name="T">What they share.</typeparam>
internal sealed class ToyProgram<T>(Func<T> make, Func<T, ExploredThread[]> threads, Func<T, ScheduleFailure?>? check = null) : IExploredProgram
{
    /// <inheritdoc/>
    public string Name => "toy";

    /// <inheritdoc/>
    public IExploredMachine Build()
    {
        T shared = make();
        return new Machine(threads(shared), () => check?.Invoke(shared));
    }

    /// <summary>One life of it.</summary>
    private sealed class Machine(ExploredThread[] threads, Func<ScheduleFailure?> check) : IExploredMachine
    {
        /// <inheritdoc/>
        public IReadOnlyList<ExploredThread> Threads => threads;

        /// <inheritdoc/>
        public Action? LetTimePass() => null;

        /// <inheritdoc/>
        public ScheduleFailure? Check() => check();

        /// <inheritdoc/>
        public IReadOnlyList<(string Name, string State)> Watch() => [];

        /// <inheritdoc/>
        public void Dispose()
        {
        }
    }
}
