// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Lab.Tests;

/// <summary>A program for the explorer that has nothing but threads.</summary>
internal sealed class TinyProgram(params ExploredThread[] threads) : IExploredProgram, IExploredMachine
{
    /// <inheritdoc/>
    public string Name => "tiny";

    /// <inheritdoc/>
    public IReadOnlyList<ExploredThread> Threads => threads;

    /// <inheritdoc/>
    public IExploredMachine Build() => this;

    /// <inheritdoc/>
    public Action? LetTimePass() => null;

    /// <inheritdoc/>
    public ScheduleFailure? Check() => null;

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, string State)> Watch() => [];

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
