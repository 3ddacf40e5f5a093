// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Studies;
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Reporting;

/// <summary>A study as one page that needs nothing else: which policies are best where, and for each workload, oversubscription and cost model a table with bars.</summary>
public static class StudyPage
{
    private const double Near = 1.001; // Times as good as equal.

    /// <summary>Writes the page.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="title">What the study is called.</param>
    /// <param name="rows">Its rows.</param>
    public static void Write(TextWriter writer, string title, IEnumerable<StudyRow> rows)
    {
        ArgumentNullException.ThrowIfNull(writer);
        StudyRow[] all = [.. rows];
        IReadOnlyList<StudyGroup> groups = Study.Group(all);
        var parts = groups.GroupBy(group => (group.Cell.Workload, group.Cell.Oversubscription, group.Cell.CostModel)).Select((part, index) => (part.Key, Groups: part.ToArray(), Id: $"t{index}")).ToArray();
        PageFrame.Begin(writer, title);
        PageFrame.Tiles(writer,
        [
            (Format.Count(all.Length), "replays"),
            (Format.Count(all.Select(row => row.Cell.Workload).Distinct().Count()), "workloads"),
            (Format.Count(groups.Select(group => group.Cell.PoliciesInWords()).Distinct().Count()), "sets of policies"),
            (Format.Count(all.Select(row => row.Cell.Seed).Distinct().Count()), "seeds"),
            (Format.Count(all.Count(row => row.Result is not { FailedAccesses: 0 })), "failed"),
        ]);
        writer.Write("<h2>The best of each</h2>\n<div class=\"scroll\"><table><thead><tr><th>workload</th><th>touched for each byte</th><th>cost model</th><th class=\"words\">best policies</th><th>time</th><th>worst</th></tr></thead><tbody>\n");
        foreach (var (key, members, id) in parts)
        {
            StudyGroup[] good = [.. members.Where(group => group.Seeds > 0).OrderBy(group => group.Mean(Time))];
            string best = good.Length == 0 ? "all failed" : string.Join(", ", good.TakeWhile(group => group.Mean(Time) <= good[0].Mean(Time) * Near).Select(group => group.Cell.PoliciesInWords()));
            writer.Write($"<tr><td><a href=\"#{id}\">{Html.Escape(key.Workload)}</a></td><td>{Ratio(key.Oversubscription)}</td><td>{Html.Escape(key.CostModel)}</td><td class=\"words\">{Html.Escape(best)}</td>");
            writer.Write(good.Length == 0 ? "<td></td><td></td></tr>\n" : $"<td>{Format.Time(good[0].Mean(Time))}</td><td>{Times(good[^1].Mean(Time) / good[0].Mean(Time))}</td></tr>\n");
        }

        writer.Write("</tbody></table></div>\n<h2>Policies side by side</h2>\n<p class=\"dim\">Policies are chunk prefetch/evict. In and out: copied to the device and to RAM. Back: pages that came back after an eviction. Accuracy and coverage of what came unasked. \u00b1: half of the 95 % confidence interval over the seeds.</p>\n");
        foreach (var (key, members, id) in parts)
            WriteTable(writer, $"{key.Workload}, {Ratio(key.Oversubscription)} of device memory, {key.CostModel}", id, members);
        writer.Write("<h2>Cost models</h2>\n");
        foreach (string name in all.Select(row => row.Cell.CostModel).Distinct())
            writer.Write($"<p><b>{Html.Escape(name)}</b>: {Html.Escape(CostModels.Find(name)?.Source ?? "not known to this version")}.</p>\n");
        PageFrame.End(writer);
    }

    /// <summary>Writes one table.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="title">What it is of.</param>
    /// <param name="id">Its name in the page.</param>
    /// <param name="groups">Its rows.</param>
    private static void WriteTable(TextWriter writer, string title, string id, StudyGroup[] groups)
    {
        double[] times = [.. groups.Where(group => group.Seeds > 0).Select(group => group.Mean(Time))];
        writer.Write($"<div class=\"scroll\"><table id=\"{id}\"><caption>{Html.Escape(title)}</caption><thead><tr><th>policies</th><th>time</th><th>\u00b1</th><th></th><th>faults</th><th>in</th><th>out</th><th>evicted</th><th>back</th><th>accuracy</th><th>coverage</th><th>link</th></tr></thead><tbody>\n");
        foreach (StudyGroup group in groups)
        {
            if (group.Seeds == 0)
            {
                writer.Write($"<tr><td>{Html.Escape(group.Cell.PoliciesInWords())}</td><td class=\"words bad\" colspan=\"11\">{Html.Escape(group.Failure)}</td></tr>\n");
                continue;
            }

            double time = group.Mean(Time);
            double spread = group.Confidence(Time);
            bool isBest = time <= times.Min() * Near;
            writer.Write($"<tr{(isBest ? " class=\"best\"" : "")}><td>{Html.Escape(group.Cell.PoliciesInWords())}</td><td>{Format.Time(time)}</td><td>{(spread > 0 ? Format.Share(spread, time) : "")}</td>");
            writer.Write($"<td class=\"bar\"><i{(isBest ? " class=\"helps\"" : "")} style=\"width: {Chart.At(Math.Max(0.5, 100 * time / times.Max()))}%\"></i></td><td>{Mean(group, result => result.DeviceFaults)}</td>");
            writer.Write($"<td>{Format.Size((long)group.Mean(result => result.BytesToDevice))}</td><td>{Format.Size((long)group.Mean(result => result.BytesToHost))}</td><td>{Mean(group, result => result.EvictedPages)}</td><td>{Mean(group, result => result.ThrashedPages)}</td>");
            writer.Write($"<td>{Part(group, result => result.PrefetchAccuracy)}</td><td>{Part(group, result => result.PrefetchCoverage)}</td><td>{Part(group, result => result.LinkUse)}</td></tr>\n");
        }

        writer.Write("</tbody></table></div>\n");
    }

    /// <summary>Modelled time.</summary>
    /// <param name="result">A result.</param>
    private static double Time(ReplayResult result) => result.ModelledNanoseconds;

    /// <summary>The mean of a count.</summary>
    /// <param name="group">The group.</param>
    /// <param name="figure">The count.</param>
    private static string Mean(StudyGroup group, Func<ReplayResult, double> figure) => Format.Count((long)Math.Round(group.Mean(figure)));

    /// <summary>The mean of a part.</summary>
    /// <param name="group">The group.</param>
    /// <param name="figure">The part, 0 to 1.</param>
    private static string Part(StudyGroup group, Func<ReplayResult, double> figure) => $"{Math.Round(100 * group.Mean(figure))} %";

    /// <summary>An oversubscription.</summary>
    /// <param name="oversubscription">What is touched for each byte.</param>
    private static string Ratio(double oversubscription) => string.Create(CultureInfo.InvariantCulture, $"{oversubscription * 100:0.#} %");

    /// <summary>A factor.</summary>
    /// <param name="factor">At least 1.</param>
    private static string Times(double factor) => string.Create(CultureInfo.InvariantCulture, $"{factor:0.##} times that");
}
