// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Reporting;

/// <summary>Figures over time, those of one bin on top of each other.</summary>
internal static class TimelineChart
{
    private const double Top = 8;
    private const double PlotHeight = 84;
    private const double Bottom = Top + PlotHeight;

    /// <summary>Draws a chart, unless nothing is in it.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="title">What it shows.</param>
    /// <param name="axis">The time.</param>
    /// <param name="isBytes">Whether figures are bytes; otherwise counts.</param>
    /// <param name="rows">The rows: a name, the number of a colour, and a figure for each bin.</param>
    public static void Write(TextWriter writer, string title, TimeAxis axis, bool isBytes, IReadOnlyList<(string Name, int Color, Func<int, double> At)> rows)
    {
        int bins = axis.Used;
        double[][] values = [.. rows.Select(row => Enumerable.Range(0, bins).Select(row.At).ToArray())];
        double largest = Enumerable.Range(0, bins).Max(bin => values.Sum(row => row[bin]));
        if (largest <= 0)
            return;
        writer.Write($"<h3>{Html.Escape(title)}</h3><p class=\"key\">");
        foreach ((string name, int color, _) in rows)
            writer.Write($"<span><i class=\"k{color}\"></i>{Html.Escape(name)}</span>");
        writer.Write("</p>");
        Chart.Begin(writer, $"{title} over time", Bottom + 20);
        double step = isBytes ? Chart.StepOf(largest, 4, isBinary: true) : Math.Max(1, Chart.StepOf(largest, 4));
        double whole = Math.Ceiling(largest / step) * step;
        for (double mark = 0; mark <= whole; mark += step)
        {
            double y = Bottom - (PlotHeight * mark / whole);
            writer.Write($"<line class=\"grid\" x1=\"{Chart.Left}\" x2=\"{Chart.Left + Chart.PlotWidth}\" y1=\"{Chart.At(y)}\" y2=\"{Chart.At(y)}\"/>");
            writer.Write($"<text class=\"tick\" x=\"{Chart.Left - 8}\" y=\"{Chart.At(Math.Min(y + 4, Bottom))}\" text-anchor=\"end\">{(isBytes ? Format.Size((long)mark) : Format.Count((long)mark))}</text>");
        }

        writer.Write(Chart.TimeAxisOf(axis, Top, Bottom));
        double[] below = new double[bins];
        for (int row = 0; row < rows.Count; row++)
            writer.Write($"<path class=\"f{rows[row].Color}\" d=\"{Area(below, values[row], whole)}\"/>");
        string json = $"{{\"x\":{Chart.Left},\"w\":{Chart.PlotWidth},\"n\":{bins},\"bin\":{axis.Width},\"bytes\":{(isBytes ? "true" : "false")},\"rows\":[{string.Join(',', rows.Select((row, index) => $"{{\"name\":{Chart.Json(row.Name)},\"v\":{Chart.Runs(values[index])}}}"))}]}}";
        Chart.End(writer, Top, Bottom, "Point, or use the arrow keys, to read the figures out.", json);
    }

    /// <summary>The outline of a row, which is added to what lies below it.</summary>
    /// <param name="below">What lies below in each bin; the row is added to it.</param>
    /// <param name="values">The row.</param>
    /// <param name="whole">What the height of the plot stands for.</param>
    private static string Area(double[] below, double[] values, double whole)
    {
        int bins = values.Length;
        var path = new StringBuilder();
        double[] before = [.. below];
        for (int bin = 0; bin < bins; bin++)
        {
            below[bin] += values[bin];
            if (bin > 0 && below[bin] == below[bin - 1])
                continue;
            path.Append(CultureInfo.InvariantCulture, $"{(bin == 0 ? "M" : "H")}{Chart.At(X(bin))}{(bin == 0 ? "," : "V")}{Chart.At(Y(below[bin]))}");
        }

        path.Append(CultureInfo.InvariantCulture, $"H{Chart.At(X(bins))}V{Chart.At(Y(before[^1]))}");
        for (int bin = bins - 2; bin >= 0; bin--)
        {
            if (before[bin] != before[bin + 1])
                path.Append(CultureInfo.InvariantCulture, $"H{Chart.At(X(bin + 1))}V{Chart.At(Y(before[bin]))}");
        }

        return path.Append(CultureInfo.InvariantCulture, $"H{Chart.Left}Z").ToString();

        double X(int bin) => Chart.Left + ((double)Chart.PlotWidth * bin / bins);
        double Y(double value) => Bottom - (PlotHeight * value / whole);
    }
}
