// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation;

/// <summary>
/// The subject of a <see cref="Core.Locking.SchedulePointKind.HostOperation"/> schedule point: which memory, about to do what. A test recognises the place
/// where it wants to stop a thread by comparing with <see cref="SimulatedHostMemory.StepOf"/>.
/// </summary>
/// <remarks>One object for each operation and memory, made in advance: reaching a point allocates nothing.</remarks>
public sealed class SimulatedStep
{
    /// <summary>Makes the step of one operation.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="operation">The operation.</param>
    internal SimulatedStep(SimulatedHostMemory memory, SimulatedOperation operation)
    {
        Memory = memory;
        Operation = operation;
    }

    /// <summary>The memory concerned.</summary>
    public SimulatedHostMemory Memory { get; }

    /// <summary>What is about to happen there.</summary>
    public SimulatedOperation Operation { get; }

    /// <summary>The operation's name, for schedules in failure messages.</summary>
    /// <returns>For example Detach.</returns>
    public override string ToString() => Operation.ToString();
}
