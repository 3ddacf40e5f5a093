// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Text.Json;
using GpuSvm.Cli.Report;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// Schedules that the explorer runs in a second, on one processor: of the smallest program, where nearly all time is the explorer's own, and of a whole GPU fault against a CPU touch. It runs in a process of its own, since the
/// checks that schedules need would slow the other figures down. Beside the first stands what Microsoft Coyote reaches on such a program on one core, about 1,500 a second: a figure given to us, not measured here.
/// </summary>
internal sealed class ExplorerBenchmark : IBenchmark
{
    private const double CoyotePerSecond = 1_500;

    /// <inheritdoc/>
    public string Title => "Explorer";

    /// <inheritdoc/>
    public IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress)
    {
        placement.Add("explorer: a process pinned to one processor, checks on");
        string budget = settings.Quick ? "2s" : "8s";
        progress.Stage("explorer, smallest program");
        yield return Row("smallest program, PCT", Run(CounterProgram.ToolName, "pct", budget), 10, "two threads, one lock taken twice by each");
        progress.Stage("explorer, a fault against a touch");
        yield return Row("GPU fault against CPU touch (R-11), exhaustive", Run("R-11", "exhaustive", budget), null, "a fresh machine, invariants and every byte checked for each");
    }

    /// <summary>A row.</summary>
    /// <param name="name">What was explored.</param>
    /// <param name="perSecond">Schedules a second.</param>
    /// <param name="goal">How many times the other figure it is to be; null for no goal.</param>
    /// <param name="note">What belongs to it.</param>
    private BenchRow Row(string name, double perSecond, double? goal, string note)
        => BenchRow.Rate(Title, name, perSecond, CoyotePerSecond, "Coyote, about; not measured here", goal, note, "schedules/s");

    /// <summary>Explores in a process of its own.</summary>
    /// <returns>Schedules a second.</returns>
    /// <exception cref="InputException">It cannot be run.</exception>
    private static double Run(string program, string strategy, string budget)
    {
        var start = new ProcessStartInfo("taskset") { RedirectStandardOutput = true };
        foreach (string word in (string[])["-c", "0", Environment.ProcessPath!])
            start.ArgumentList.Add(word);
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(ExplorerBenchmark).Assembly.Location);
        foreach (string word in (string[])["explore", program, "--strategy", strategy, "--bound", "4", "--budget", budget, "--json", "-"])
            start.ArgumentList.Add(word);
        using Process process = Process.Start(start) ?? throw new InputException("the explorer's process cannot be started; is taskset (util-linux) installed?");
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return JsonSerializer.Deserialize(text, ReportJson.Default.ExploreReport) is { Scenarios: [var only] } ? only.PerSecond
            : throw new InputException($"the explorer's process ended with code {process.ExitCode} and no result");
    }
}
