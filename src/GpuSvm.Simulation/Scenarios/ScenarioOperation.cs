// SPDX-License-Identifier: MIT
using GpuSvm.Core;

namespace GpuSvm.Simulation.Scenarios;

/// <summary>One line of a scenario.</summary>
/// <param name="Verb">What is done.</param>
/// <param name="Device">By which device, or to which; -1 for the CPU, or for none.</param>
/// <param name="Pages">On which pages; empty for operations on none.</param>
/// <param name="Cell">For accesses: which 64-bit number of the page.</param>
/// <param name="Argument">What else is said, in the operation's own words; empty for nothing.</param>
/// <param name="Count">For an injected failure: which of the coming hits, 1 is the next.</param>
/// <param name="Allowed">What it may answer.</param>
/// <param name="Text">The line as it was written.</param>
public sealed record ScenarioOperation(ScenarioVerb Verb, int Device, ScenarioPages Pages, int Cell, string Argument, int Count, IReadOnlyList<SvmStatus> Allowed, string Text)
{
    /// <summary>Whether it is a read, a write or an addition.</summary>
    public bool IsAccess => Verb is ScenarioVerb.Read or ScenarioVerb.Write or ScenarioVerb.Add;
}
