// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;
using GpuSvm.Linux;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;
using GpuSvm.Stress;

namespace GpuSvm.Cli.Explore;

/// <summary>Runs scenarios on the process's own memory.</summary>
internal static class StressRunner
{
    /// <summary>Runs them, one after the other.</summary>
    /// <param name="programs">The scenarios.</param>
    /// <param name="plan">How runs are delayed.</param>
    /// <param name="limits">How far to go with each.</param>
    /// <param name="json">Where to write the result; null for nowhere.</param>
    /// <param name="console">Where to tell.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="InputException">One is no scenario, or real memory is not to be had.</exception>
    public static int Run(IReadOnlyList<IExploredProgram> programs, StressPlan plan, ExplorationLimits limits, string? json, ToolConsole console)
    {
        bool silent = JsonFile.IsStandardOutput(json);
        var reports = new List<StressedScenario>();
        foreach (IExploredProgram program in programs)
        {
            if (program is not Scenario scenario)
                throw new InputException($"{program.Name}: has no memory that could be real; leave --memory real out");
            StressResult result = Progress.Show(console, silent, progress => RunOne(scenario, plan, limits, progress));
            StressedScenario report = StressedScenario.Of(scenario, result);
            reports.Add(report);
            if (!silent)
                StressTable.Write(report, console);
            if (result.Failed is not { IsStuck: true })
                continue;
            if (!silent)
                console.Output.WriteLine("  threads of this run are left in the process, which therefore ends here");
            break;
        }

        JsonFile.Write(json, new StressReport("real", plan.Mode.ToString().ToLowerInvariant(), plan.Seed, reports), ReportJson.Default.StressReport, console);
        if (!silent && reports.Count > 1)
            StressTable.WriteSum(reports, console);
        return reports.TrueForAll(report => report.Failure is null) ? ExitCode.Done : ExitCode.Failed;
    }

    /// <summary>Runs one scenario.</summary>
    private static StressResult RunOne(Scenario scenario, StressPlan plan, ExplorationLimits limits, Progress progress)
    {
        progress.Stage($"running {scenario.Name} on real memory");
        try
        {
            return new StressExplorer(scenario, plan).Explore(limits, now => progress.Tell($"{now.Runs} runs, {now.PerSecond:f0} a second; {now.Reached} of {now.Explored} pairs of points; {now.Followed.Part:p0} of followed windows hit"));
        }
        catch (HostMemoryUnavailableException e)
        {
            throw new InputException($"--memory real: {e.Message.TrimEnd('.')}; gpusvm doctor says what else is missing here", e);
        }
    }
}
