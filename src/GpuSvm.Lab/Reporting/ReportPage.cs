// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Reporting;

/// <summary>An explanation as one page that needs nothing else: what cost most and why, what would help, addresses over time, timelines, histograms, evictions, kernels, races.</summary>
public static class ReportPage
{
    private const int MostRows = 12;

    /// <summary>Writes the page.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="explanation">What to show.</param>
    /// <param name="races">Pages of races to show with it.</param>
    public static void Write(TextWriter writer, Explanation explanation, IReadOnlyList<RacePicture> races)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(explanation);
        ArgumentNullException.ThrowIfNull(races);
        TraceAnalysis analysis = explanation.Analysis;
        PageFrame.Begin(writer, explanation.Source);
        WriteHead(writer, explanation);
        WriteFindings(writer, explanation);
        WriteTrials(writer, explanation);
        writer.Write("<h2 id=\"map\">Addresses over time</h2>\n");
        HeatMapChart.Write(writer, analysis);
        WriteTimelines(writer, analysis);
        WriteTimes(writer, explanation);
        WriteTables(writer, analysis);
        if (races.Count > 0)
            writer.Write("<h2 id=\"races\">Races</h2>\n");
        foreach (RacePicture race in races)
            writer.Write($"<h3>{Html.Escape(race.Name)}</h3><iframe sandbox=\"allow-same-origin\" title=\"{Html.Escape(race.Name)}\" srcdoc=\"{Html.Escape(race.Page)}\"></iframe>\n");
        WriteFoot(writer, explanation);
        PageFrame.End(writer);
    }

    /// <summary>Writes what all came to.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="explanation">The explanation.</param>
    private static void WriteHead(TextWriter writer, Explanation explanation)
    {
        TraceAnalysis analysis = explanation.Analysis;
        TraceTotals totals = analysis.Totals;
        ReplaySettings settings = explanation.Settings;
        if (explanation.Problem.Length > 0)
            writer.Write($"<p class=\"bad\">{Html.Escape(explanation.Problem)}</p>");
        writer.Write(explanation.IsRecorded
            ? $"<p>As it was recorded. {(analysis.IsEstimated ? $"The trace has no durations: costs are estimated by the cost model {Html.Escape(settings.CostModel.Name)}." : "Costs are the durations in the trace.")}</p>"
            : $"<p>Replayed with {Html.Escape(settings.Policies.ToString())}; {Format.Size(explanation.DeviceMemoryBytes)} of device memory for {Format.Size(explanation.FootprintBytes)} that are touched. Times are modelled by {Html.Escape(settings.CostModel.Name)}.</p>");
        writer.Write("<nav><a href=\"#cost\">what cost most</a><a href=\"#helps\">what would help</a><a href=\"#map\">addresses over time</a><a href=\"#time\">over time</a><a href=\"#long\">how long it took</a><a href=\"#whom\">tables</a></nav>\n");
        var tiles = new List<(string, string)>
        {
            (Format.Time(analysis.Axis.Now), "from first to last record"),
            (Format.Count(totals.DeviceFaults), totals.RefusedFaults > 0 ? $"GPU faults, {Format.Count(totals.RefusedFaults)} refused" : "GPU faults"),
            (Format.Count(totals.CpuFaults), $"CPU faults, {Format.Count(totals.CpuFaultsThatFetched)} fetched"),
            (Format.Size(totals.BytesToDevice), "came to the device"),
            (Format.Size(totals.BytesToRam), "went back to RAM"),
            (Format.Size(totals.MostResident), "on the device at most"),
        };
        if (totals.BytesEvicted > 0)
            tiles.AddRange([(Format.Size(totals.BytesEvicted), $"made room, in {Format.Count(totals.Evictions, "eviction")}"), (Format.Size(totals.BytesReturned), "of that came back")]);
        if (totals.RemoteAccesses > 0)
            tiles.Add((Format.Count(totals.RemoteAccesses), "GPU accesses to RAM"));
        if (totals.ThrashingDetected > 0)
            tiles.Add((Format.Count(totals.ThrashingDetected), "times the thrash policy stepped in"));
        if (totals.Overflows > 0)
            tiles.Add((Format.Count(totals.Overflows), "overflows of the fault buffer"));
        PageFrame.Tiles(writer, tiles);
    }

    /// <summary>Writes the costliest intervals.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="explanation">The explanation.</param>
    private static void WriteFindings(TextWriter writer, Explanation explanation)
    {
        double all = explanation.Analysis.Totals.Cost;
        writer.Write($"<h2 id=\"cost\">What cost the most</h2>\n<p class=\"dim\">Of {Format.Time(all)} that went to faults, copies and accesses elsewhere.</p><ol class=\"found\">\n");
        foreach (Finding found in explanation.Findings)
        {
            double part = all > 0 ? found.Use.Cost / all : 0;
            writer.Write($"<li><div class=\"cost\"><b>{Format.Time(found.Use.Cost)}</b><small>{Format.Share(part, 1)}</small><i style=\"width: {Chart.At(Math.Max(1, 100 * part))}%\"></i></div>");
            writer.Write($"<div><b class=\"strong\">{Html.Escape(found.Name)}</b>: {Html.Escape(found.What)}.<br/><span class=\"try\">Try:</span> {Html.Escape(found.Remedy)}.</div></li>\n");
        }

        writer.Write(explanation.Findings.Count == 0 ? "<li><div></div><div>Nothing moved or faulted.</div></li></ol>\n" : "</ol>\n");
    }

    /// <summary>Writes what replays of the suggestions give.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="explanation">The explanation.</param>
    private static void WriteTrials(TextWriter writer, Explanation explanation)
    {
        writer.Write("<h2 id=\"helps\">What would help</h2>\n");
        Trial[] made = [.. explanation.Trials.Where(trial => trial.Result is not null || trial.Failure.Length > 0)];
        if (explanation.Before is not { } before || made.Length == 0)
        {
            writer.Write($"<p>{(explanation.WhyNotReplayed.Length > 0 ? $"Suggestions could not be replayed: {Html.Escape(explanation.WhyNotReplayed)}" : "No suggestion was replayed.")}</p>\n");
            return;
        }

        double longest = made.Append(explanation.Together).Max(trial => Math.Max(before.ModelledNanoseconds, trial?.Result?.ModelledNanoseconds ?? 0));
        writer.Write($"<p class=\"dim\">Each suggestion replayed, the best first. Modelled time by {Html.Escape(explanation.Settings.CostModel.Name)}{(explanation.ReplaysFaults ? ". The trace holds faults, no accesses: what did not fault is not in these replays" : "")}.</p>");
        writer.Write("<div class=\"scroll\"><table><thead><tr><th class=\"words\">what</th><th>time</th><th></th><th></th><th>GPU faults</th><th>CPU faults</th><th>in</th><th>out</th></tr></thead><tbody>\n");
        WriteTrial(writer, "as it is", [], before, "", longest, before, "now");
        foreach (Trial trial in explanation.Together is { } together ? [together, .. made] : made)
        {
            bool isAll = trial == explanation.Together;
            string what = isAll ? $"these {trial.Suggestions.Count} together: {string.Join("; ", trial.Suggestions.Select(one => one.Text))}" : trial.Suggestions[0].Text;
            WriteTrial(writer, what, isAll ? [] : [trial.Suggestions[0].How], trial.Result, trial.Failure, longest, before, trial.Verdict(before));
        }

        writer.Write("</tbody></table></div>\n");
    }

    /// <summary>Writes the row of a trial.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="what">What was followed.</param>
    /// <param name="how">How to do it.</param>
    /// <param name="result">What it came to; null for a failure.</param>
    /// <param name="failure">Why it failed.</param>
    /// <param name="longest">The longest time of the table.</param>
    /// <param name="before">The replay as it is.</param>
    /// <param name="verdict">What came of it, in words.</param>
    private static void WriteTrial(TextWriter writer, string what, IReadOnlyList<string> how, ReplayResult? result, string failure, double longest, ReplayResult before, string verdict)
    {
        writer.Write($"<tr class=\"{verdict}\"><td class=\"words\">{Html.Escape(what)}{string.Concat(how.Select(line => $"<br/><code>{Html.Escape(line)}</code>"))}</td>");
        if (result is null)
        {
            writer.Write($"<td class=\"bad\">failed</td><td class=\"words\" colspan=\"6\">{Html.Escape(failure)}</td></tr>\n");
            return;
        }

        double change = before.ModelledNanoseconds > 0 ? (result.ModelledNanoseconds / before.ModelledNanoseconds) - 1 : 0;
        string look = verdict switch { "helps" => "good", "hurts" => "bad", _ => "dim" };
        writer.Write($"<td>{Format.Time(result.ModelledNanoseconds)}</td><td class=\"{look}\">{(verdict == "now" ? "" : $"{(change >= 0 ? "+" : "\u2212")}{Math.Round(100 * Math.Abs(change))} % {verdict}")}</td>");
        writer.Write($"<td class=\"bar\"><i class=\"{verdict}\" style=\"width: {Chart.At(Math.Max(0.5, 100 * result.ModelledNanoseconds / longest))}%\"></i></td>");
        writer.Write($"<td>{Format.Count(result.DeviceFaults)}</td><td>{Format.Count(result.CpuFaults)}</td><td>{Format.Size(result.BytesToDevice)}</td><td>{Format.Size(result.BytesToHost)}</td></tr>\n");
    }

    /// <summary>Writes the timelines.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="analysis">The analysis.</param>
    private static void WriteTimelines(TextWriter writer, TraceAnalysis analysis)
    {
        Timelines lines = analysis.Timelines;
        TimeAxis axis = analysis.Axis;
        writer.Write("<h2 id=\"time\">Over time</h2>\n");
        TimelineChart.Write(writer, "Faults", axis, false, [("GPU", 0, bin => lines.DeviceFaults[bin]), ("CPU", 1, bin => lines.CpuFaults[bin])]);
        foreach (bool toDevice in (bool[])[true, false])
        {
            TimelineChart.Write(writer, toDevice ? "Bytes to the device, by cause" : "Bytes to RAM, by cause", axis, true, [.. lines.Bytes.Where(row => row.Key.ToDevice == toDevice)
                .Select(row => (Chart.NameOf(row.Key.Cause), Chart.ColorOf(row.Key.Cause), (Func<int, double>)(bin => row.Value[bin])))]);
        }

        TimelineChart.Write(writer, "Memory on devices", axis, true, [("resident", 0, bin => lines.Residency[bin] / Math.Clamp(axis.Now - (bin * axis.Width), 1, axis.Width))]);
    }

    /// <summary>Writes how long things took.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="explanation">The explanation.</param>
    private static void WriteTimes(TextWriter writer, Explanation explanation)
    {
        writer.Write("<h2 id=\"long\">How long it took</h2>\n");
        int color = 0;
        foreach ((string name, LatencyHistogram times) in explanation.Analysis.Durations)
            HistogramChart.Write(writer, name, times, color++);
        writer.Write(color == 0 ? "<p>The trace has no durations.</p>\n" : explanation.IsRecorded ? "" : "<p class=\"dim\">Modelled: a fault's time includes what moved and had to leave for it; one that joins a batch has its own part only.</p>\n");
    }

    /// <summary>Writes who left for whom, and the kernels.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="analysis">The analysis.</param>
    private static void WriteTables(TextWriter writer, TraceAnalysis analysis)
    {
        writer.Write("<h2 id=\"whom\">Who left for whom</h2>\n");
        IReadOnlyList<EvictionPair> pairs = analysis.Evictions;
        if (pairs.Count == 0)
            writer.Write("<p>Nothing had to leave the device.</p>\n");
        else
        {
            writer.Write("<div class=\"scroll\"><table><thead><tr><th>left</th><th class=\"words\">for</th><th>bytes</th><th></th><th>evictions</th></tr></thead><tbody>\n");
            foreach (EvictionPair pair in pairs.Take(MostRows))
                writer.Write($"<tr><td>{Html.Escape(pair.Victim)}</td><td class=\"words\">{Html.Escape(pair.Culprit)}</td><td>{Format.Size(pair.Bytes)}</td><td class=\"bar\"><i style=\"width: {Chart.At(100.0 * pair.Bytes / pairs[0].Bytes)}%\"></i></td><td>{Format.Count(pair.Evictions)}</td></tr>\n");
            writer.Write($"</tbody></table></div>{(pairs.Count > MostRows ? $"<p class=\"dim\">and {pairs.Count - MostRows} more pairs</p>" : "")}\n");
        }

        if (analysis.Kernels.Count == 0)
            return;
        writer.Write("<h2 id=\"kernels\">Kernels</h2>\n<div class=\"scroll\"><table><thead><tr><th>kernel</th><th>launches</th><th>time</th><th></th><th>GPU faults</th><th>in</th><th>out</th></tr></thead><tbody>\n");
        long longest = Math.Max(1, analysis.Kernels.Max(kernel => kernel.Nanoseconds));
        foreach (KernelUse kernel in analysis.Kernels.OrderByDescending(kernel => kernel.Nanoseconds).Take(MostRows))
            writer.Write($"<tr><td>{Html.Escape(kernel.Name)}</td><td>{Format.Count(kernel.Launches)}</td><td>{Format.Time(kernel.Nanoseconds)}</td><td class=\"bar\"><i style=\"width: {Chart.At(100.0 * kernel.Nanoseconds / longest)}%\"></i></td><td>{Format.Count(kernel.DeviceFaults)}</td><td>{Format.Size(kernel.BytesToDevice)}</td><td>{Format.Size(kernel.BytesToRam)}</td></tr>\n");
        writer.Write($"</tbody></table></div>{(analysis.SpansLeftOut > 0 ? $"<p class=\"dim\">The map above shows the first {analysis.Spans.Count} launches.</p>" : "")}\n");
    }

    /// <summary>Writes what it was made with.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="explanation">The explanation.</param>
    private static void WriteFoot(TextWriter writer, Explanation explanation)
    {
        CostModel model = explanation.Settings.CostModel;
        writer.Write($"<footer><p>Replays: {Html.Escape(explanation.Settings.Policies.ToString())}, seed {explanation.Settings.Policies.Seed}, {Format.Size(explanation.DeviceMemoryBytes)} of device memory.</p><p>Cost model {Html.Escape(model.Name)}: {Html.Escape(model.Source)}.</p>");
        writer.Write($"<p>Blocks of {Format.Size(explanation.Analysis.Blocks.BlockBytes)}, rows of {Format.Size(explanation.Analysis.Heat.RowBytes)}, bins of {Chart.Round(explanation.Analysis.Axis.Width)}.</p></footer>\n");
    }
}
