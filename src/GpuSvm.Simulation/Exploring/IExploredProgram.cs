// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>A small concurrent program whose interleavings are explored: it is built anew for each schedule, and runs the same way each time but for the order of its threads.</summary>
public interface IExploredProgram
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Builds a machine in its first state, with nothing running yet.</summary>
    /// <returns>The machine; disposed after its schedule.</returns>
    IExploredMachine Build();
}
