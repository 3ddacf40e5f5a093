// SPDX-License-Identifier: MIT
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Stress;

/// <summary>What a scenario says that real memory does otherwise, or cannot do: told with its runs, so that nobody takes them for more than they are.</summary>
public static class RealDifferences
{
    /// <summary>What is otherwise in one scenario.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <returns>A sentence each; empty if real memory does all of it.</returns>
    public static IReadOnlyList<string> Of(Scenario scenario)
    {
        var found = new List<string>();
        HashSet<ScenarioVerb> verbs = [.. scenario.Before.Concat(scenario.Threads.SelectMany(thread => thread.Operations)).Concat(scenario.After).Select(operation => operation.Verb)];
        if (scenario.Options.IsInKernel)
            found.Add("option in-kernel: Linux announces no change of protection to a process, so after each protect the library is told to look, as by a call that names the memory");
        if (scenario.Options.DiscardsLate)
            found.Add("option discard-late: real memory is always so");
        if (verbs.Contains(ScenarioVerb.Share))
            found.Add("share: no child is made; the pages are write-protected by the library as a fork leaves them");
        if (verbs.Contains(ScenarioVerb.Unmap))
            found.Add("unmap: an inaccessible mapping takes the pages' place in one call, with the event of munmap; a hole could be filled by anybody in the process");
        if (verbs.Contains(ScenarioVerb.Remap))
            found.Add("remap: the old place is kept by the move, is empty for a moment, and is made inaccessible then, for the same reason");
        if (verbs.Contains(ScenarioVerb.Map))
            found.Add("map: devices find the new memory once it is attached, which is right after it was mapped");
        return found;
    }
}
