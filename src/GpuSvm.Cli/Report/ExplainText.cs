// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Replay;
using Spectre.Console;

namespace GpuSvm.Cli.Report;

/// <summary>Shows an explanation to a person: what happened, what cost most and why, what to try, and what a replay says of that.</summary>
internal static class ExplainText
{
    private const int BarColumns = 4;

    /// <summary>Writes it.</summary>
    /// <param name="explanation">The explanation.</param>
    /// <param name="console">Where to.</param>
    public static void Write(Explanation explanation, IAnsiConsole console)
    {
        var analysis = explanation.Analysis;
        var totals = analysis.Totals;
        var settings = explanation.Settings;
        console.MarkupLineInterpolated($"[bold]{explanation.Source}[/]");
        if (explanation.Problem.Length > 0)
            console.MarkupLineInterpolated($"[yellow]{explanation.Problem}[/]");
        console.WriteLine(explanation.IsRecorded
            ? $"Its own events, {Format.Time(analysis.Axis.Now)} long; costs are {(analysis.IsEstimated ? $"estimated by cost model {settings.CostModel.Name}, because it has no durations" : "the durations in it")}."
            : $"Replayed with {settings.Policies}, {Format.Size(explanation.DeviceMemoryBytes)} of device memory for {Format.Size(explanation.FootprintBytes)}; times are those of cost model {settings.CostModel.Name}.");
        console.WriteLine();
        console.WriteLine($"  {Format.Count(totals.DeviceFaults, "GPU fault")}, {Format.Count(totals.CpuFaults, "CPU fault")} of which {Format.Count(totals.CpuFaultsThatFetched)} fetched memory; {Format.Size(totals.BytesToDevice)} to the device, {Format.Size(totals.BytesToRam)} to RAM in {Format.Count(totals.Migrations, "migration")}");
        if (totals.BytesEvicted > 0)
            console.WriteLine($"  {Format.Size(totals.BytesEvicted)} made room in {Format.Count(totals.Evictions, "eviction")}, and {Format.Size(totals.BytesReturned)} of it came back");
        if (analysis.Evictions is [var pair, ..])
            console.WriteLine($"  most of all {pair.Victim} for {pair.Culprit}: {Format.Size(pair.Bytes)} in {Format.Count(pair.Evictions, "eviction")}");
        foreach (var (name, times) in analysis.Durations)
            console.WriteLine($"  {name}: half within {Format.Time(times.Percentile(0.5))}, 99 % within {Format.Time(times.Percentile(0.99))}, the longest {Format.Time(times.Longest)}");
        WriteFindings(explanation, console);
        WriteTrials(explanation, console);
    }

    /// <summary>Writes what cost most.</summary>
    private static void WriteFindings(Explanation explanation, IAnsiConsole console)
    {
        var all = explanation.Analysis.Totals.Cost;
        console.WriteLine();
        if (explanation.Findings.Count == 0)
        {
            console.WriteLine("Nothing moved or faulted: there is nothing to gain.");
            return;
        }

        console.MarkupLineInterpolated($"[bold]What cost the most[/] of {Format.Time(all)} that went to faults, copies and accesses elsewhere");
        console.WriteLine();
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumn(new TableColumn("").RightAligned().NoWrap().PadLeft(2)).AddColumn("");
        foreach (var found in explanation.Findings)
        {
            table.AddRow(
                new Markup($"{Format.Time(found.Use.Cost)}\n[grey]{Format.Share(found.Use.Cost, all)}[/]"),
                new Markup($"[bold]{Markup.Escape(found.Name)}[/]: {Markup.Escape(found.What)}.\n[green]Try:[/] {Markup.Escape(found.Remedy)}."));
            table.AddEmptyRow();
        }

        console.Write(table);
    }

    /// <summary>Writes what replaying the suggestions gives.</summary>
    private static void WriteTrials(Explanation explanation, IAnsiConsole console)
    {
        if (explanation.WhyNotReplayed.Length > 0)
            console.MarkupLineInterpolated($"[yellow]What to try could not be replayed:[/] {explanation.WhyNotReplayed}");
        if (explanation.Before is not { } before || explanation.Trials.Count == 0)
            return;
        if (explanation.Trials.All(trial => trial.Result is null && trial.Failure.Length == 0))
            return;
        console.MarkupLineInterpolated($"[bold]What replaying it gives[/]{(explanation.ReplaysFaults ? ", with faults in place of accesses: what did not fault is not in it" : "")}");
        console.WriteLine();
        var table = new Table().Border(TableBorder.None);
        foreach (var name in (string[])["time", "", "", "faults", "in/out", "what"])
            table.AddColumn((name is "" or "what" ? new TableColumn(name) : new TableColumn(name).RightAligned()).NoWrap().Padding(0, 0, 2, 0));
        table.Columns[^1].NoWrap = false;
        AddRow(table, before, before, "now", "as it is", "");
        foreach (var trial in explanation.Trials)
            AddTrial(table, trial, before, trial.Suggestions[0].Text, trial.Suggestions[0].How);
        if (explanation.Together is { } together)
            AddTrial(table, together, before, $"all {together.Suggestions.Count} of these together: {string.Join("; ", together.Suggestions.Select(one => one.Text))}", "");
        console.Write(table);
        console.MarkupLineInterpolated($"[grey]Modelled time by {explanation.Settings.CostModel.Name}: {explanation.Settings.CostModel.Source}. in/out: MiB to the device and to RAM.[/]");
    }

    /// <summary>Adds the row of a trial.</summary>
    private static void AddTrial(Table table, Trial trial, ReplayResult before, string what, string how)
    {
        if (trial.Result is { } result)
            AddRow(table, result, before, trial.Verdict(before), what, how);
        else
            table.AddRow(new Text("failed"), new Text(""), new Text(""), new Text(""), new Text(""), new Text($"{what}: {trial.Failure}"));
    }

    /// <summary>Adds a row.</summary>
    private static void AddRow(Table table, ReplayResult result, ReplayResult before, string verdict, string what, string how)
    {
        var ratio = before.ModelledNanoseconds > 0 ? result.ModelledNanoseconds / before.ModelledNanoseconds : 1;
        var columns = Math.Clamp((int)Math.Round(BarColumns * ratio), 1, 3 * BarColumns);
        var color = verdict switch { "helps" => "green", "hurts" => "red", _ => "grey" };
        table.AddRow(
            new Text(Format.Time(result.ModelledNanoseconds)),
            new Markup($"[{color}]{(verdict == "now" ? "" : $"{(ratio >= 1 ? "+" : "-")}{Math.Round(100 * Math.Abs(ratio - 1))} % ")}{verdict}[/]"),
            new Markup($"[{color}]{new string('█', columns)}[/]"),
            new Text(Format.Count(result.DeviceFaults + result.CpuFaults)),
            new Text($"{Format.Count(result.BytesToDevice >> 20)}/{Format.Count(result.BytesToHost >> 20)}"),
            new Markup(how.Length > 0 ? $"{Markup.Escape(what)}\n[grey]{Markup.Escape(how)}[/]" : Markup.Escape(what)));
    }
}
