// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Advising;

/// <summary>Replays a workload under advised settings.</summary>
public static class AdvisedReplay
{
    /// <summary>Replays.</summary>
    /// <param name="machine">The machine: its memory and cost model. Its policies are those of the settings, with its seed.</param>
    /// <param name="workload">The workload.</param>
    /// <param name="settings">The settings.</param>
    /// <param name="mostAccesses">How many accesses at most.</param>
    /// <param name="log">Who is told of everything; null for nobody.</param>
    /// <returns>What it has come to.</returns>
    /// <exception cref="ReplayException">It cannot be replayed.</exception>
    public static ReplayResult Run(ReplaySettings machine, IWorkload workload, AdvisedSettings settings, long mostAccesses = long.MaxValue, ITraceSink? log = null)
    {
        using ReplayMachine replay = (machine with { Policies = settings.Policies(machine.Policies.Seed) }).Build(workload, log);
        try
        {
            workload.Generate(new AdvisingSink(replay, settings, mostAccesses));
        }
        catch (ReplayLimitException)
        {
            // As far as it was to go.
        }

        return replay.Result();
    }
}
