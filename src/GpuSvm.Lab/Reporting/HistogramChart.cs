// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Reporting;

/// <summary>How long things took, as bars of equal ratio.</summary>
internal static class HistogramChart
{
    private const double Top = 32;
    private const double PlotHeight = 84;
    private const double Bottom = Top + PlotHeight;
    private const double LabelWidth = 66;

    /// <summary>Draws a histogram.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="name">What took that long.</param>
    /// <param name="times">The durations, at least one.</param>
    /// <param name="color">The number of its colour.</param>
    public static void Write(TextWriter writer, string name, LatencyHistogram times, int color)
    {
        IReadOnlyList<(double From, double To, long Count)> buckets = times.Buckets;
        double wide = (double)Chart.PlotWidth / Math.Max(buckets.Count, 12);
        long most = buckets.Max(bucket => bucket.Count);
        writer.Write($"<h3>{Html.Escape(name)}</h3><p>{Format.Count(times.Count)}, {Format.Time(times.Sum)} together: half within <b>{Format.Time(times.Percentile(0.5))}</b>, 90 % within {Format.Time(times.Percentile(0.9))}, 99 % within <b>{Format.Time(times.Percentile(0.99))}</b>, the longest {Format.Time(times.Longest)}</p>");
        Chart.Begin(writer, $"How long {name} took", Bottom + 20);
        writer.Write($"<line class=\"grid\" x1=\"{Chart.Left}\" x2=\"{Chart.Left + Chart.PlotWidth}\" y1=\"{Chart.At(Bottom)}\" y2=\"{Chart.At(Bottom)}\"/>");
        writer.Write($"<text class=\"tick\" x=\"{Chart.Left - 8}\" y=\"{Chart.At(Top + 4)}\" text-anchor=\"end\">{Format.Count(most)}</text><text class=\"tick\" x=\"{Chart.Left - 8}\" y=\"{Chart.At(Bottom)}\" text-anchor=\"end\">0</text>");
        double free = 0;
        for (int index = 0; index < buckets.Count; index++)
        {
            (double from, double to, long count) = buckets[index];
            double x = Chart.Left + (wide * index);
            double height = count == 0 ? 0 : Math.Max(1, PlotHeight * count / most);
            writer.Write($"<rect class=\"f{color}\" x=\"{Chart.At(x + 0.5)}\" y=\"{Chart.At(Bottom - height)}\" width=\"{Chart.At(wide - 1)}\" height=\"{Chart.At(height)}\"><title>{Format.Time(from)} to {Format.Time(to)}: {Format.Count(count)}</title></rect>");
            if (x < free || x + LabelWidth > Chart.Width)
                continue;
            writer.Write($"<text class=\"tick\" x=\"{Chart.At(x)}\" y=\"{Chart.At(Bottom + 14)}\">{Format.Time(from)}</text>");
            free = x + LabelWidth;
        }

        WriteMark(writer, buckets, times.Percentile(0.5), wide, "50 %", 10);
        WriteMark(writer, buckets, times.Percentile(0.99), wide, "99 %", 25);
        string json = $"{{\"x\":{Chart.Left},\"w\":{Chart.At(wide * buckets.Count)},\"n\":{buckets.Count},\"rows\":[{{\"name\":{Chart.Json(name)},\"v\":{Chart.Runs(buckets.Select(bucket => (double)bucket.Count))}}}],\"labels\":[{string.Join(',', buckets.Select(bucket => Chart.Json($"{Format.Time(bucket.From)} to {Format.Time(bucket.To)}")))}]}}";
        Chart.End(writer, Top, Bottom, "Point, or use the arrow keys, to read the figures out.", json);
    }

    /// <summary>Marks a percentile.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="buckets">The buckets.</param>
    /// <param name="time">Where it is.</param>
    /// <param name="wide">The width of a bucket.</param>
    /// <param name="name">What it is.</param>
    /// <param name="y">Where its name stands.</param>
    private static void WriteMark(TextWriter writer, IReadOnlyList<(double From, double To, long Count)> buckets, double time, double wide, string name, double y)
    {
        int index = 0;
        while (index + 1 < buckets.Count && buckets[index].To < time)
            index++;
        double x = Chart.Left + (wide * (index + Math.Clamp((time - buckets[index].From) / (buckets[index].To - buckets[index].From), 0, 1)));
        bool isLeft = x > Chart.Left + Chart.PlotWidth - 40;
        writer.Write($"<line class=\"mark\" x1=\"{Chart.At(x)}\" x2=\"{Chart.At(x)}\" y1=\"{Chart.At(y - 8)}\" y2=\"{Chart.At(Bottom)}\"/><text class=\"tick\" x=\"{Chart.At(isLeft ? x - 4 : x + 4)}\" y=\"{Chart.At(y)}\" text-anchor=\"{(isLeft ? "end" : "start")}\">{name}</text>");
    }
}
