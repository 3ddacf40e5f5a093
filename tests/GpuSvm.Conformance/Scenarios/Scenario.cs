// SPDX-License-Identifier: MIT
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>Steps and what is expected of them, on any memory that can play them. Invariants are checked after each step, and every byte at the end.</summary>
/// <param name="Name">What happens.</param>
/// <param name="Covers">The rows of <see cref="SuiteRows"/> that it plays, separated by semicolons.</param>
/// <param name="Steps">The steps.</param>
public sealed record Scenario(string Name, string Covers, params Step[] Steps)
{
    /// <summary>How many devices there are.</summary>
    public int Gpus { get; init; } = 1;

    /// <summary>Whether each device has an address space of its own.</summary>
    public bool Apart { get; init; }

    /// <summary>The memory of each device.</summary>
    public int DevicePages { get; init; } = 4096;

    /// <summary>Whether pages stay in RAM unless advised otherwise.</summary>
    public bool InRam { get; init; }

    /// <summary>What the memory must be able to do.</summary>
    public HostMemoryCapabilities Needs { get; init; }

    /// <summary>Whether the memory must announce changes of protection.</summary>
    public bool NeedsProtection { get; init; }

    /// <summary>Whether the program must be able to fork.</summary>
    public bool NeedsChildren { get; init; }
}
