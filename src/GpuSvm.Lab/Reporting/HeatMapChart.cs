// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Reporting;

/// <summary>Addresses over time as a picture: blue where memory is on a device, the more the stronger; red where it faulted; kernels as bars above.</summary>
internal static class HeatMapChart
{
    private const double KernelTop = 2;
    private const double KernelHeight = 16;
    private const double Top = 26;
    private const double LeastLabel = 15; // Between two names, so that they do not overlap.
    private const int KernelColors = 4;

    private static readonly (byte, byte, byte) _resident = (47, 111, 208);
    private static readonly (byte, byte, byte) _faulted = (214, 62, 20);

    /// <summary>Draws the map, unless nothing is in it.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="analysis">The analysis.</param>
    public static void Write(TextWriter writer, TraceAnalysis analysis)
    {
        List<(VirtualAddress Start, HeatRow Row)?> rows = WithGaps(analysis.Heat);
        if (rows.Count == 0)
            return;
        double rowHeight = Math.Clamp(360.0 / rows.Count, 2, 14);
        double bottom = Top + (rowHeight * rows.Count);
        int bins = analysis.Axis.Used;
        writer.Write("<p class=\"key\"><span><i class=\"heat0\"></i>on a device (the stronger, the more of the row)</span><span><i class=\"heat1\"></i>faults (the stronger, the more)</span><span>white or dark: in RAM</span></p>");
        Chart.Begin(writer, "Addresses over time: residency and faults", bottom + 20);
        writer.Write(Chart.TimeAxisOf(analysis.Axis, Top, bottom));
        writer.Write($"<image x=\"{Chart.Left}\" y=\"{Chart.At(Top)}\" width=\"{Chart.PlotWidth}\" height=\"{Chart.At(bottom - Top)}\" preserveAspectRatio=\"none\" href=\"{PictureOf(rows, analysis).ToDataAddress()}\"/>");
        WriteKernels(writer, analysis);
        WriteNames(writer, rows, analysis, rowHeight);
        writer.Write($"<rect class=\"cell\" x=\"0\" y=\"0\" width=\"0\" height=\"{Chart.At(rowHeight)}\"/>");
        Chart.End(writer, Top, bottom, "Point, or use the arrow keys, to read out a place and a time.", JsonOf(rows, analysis, rowHeight, bins));
    }

    /// <summary>The rows, with an empty one where addresses are left out.</summary>
    /// <param name="heat">The map.</param>
    private static List<(VirtualAddress Start, HeatRow Row)?> WithGaps(HeatMap heat)
    {
        var rows = new List<(VirtualAddress, HeatRow)?>();
        VirtualAddress? end = null;
        foreach ((VirtualAddress start, HeatRow row) in heat.Rows)
        {
            if (end is { } before && before != start)
                rows.Add(null);
            rows.Add((start, row));
            end = start + heat.RowBytes;
        }

        return rows;
    }

    /// <summary>Paints the map.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="analysis">The analysis.</param>
    private static PngImage PictureOf(List<(VirtualAddress Start, HeatRow Row)?> rows, TraceAnalysis analysis)
    {
        int bins = analysis.Axis.Used;
        double most = Math.Max(1, rows.Max(row => row?.Row.Faults.Largest ?? 0));
        var picture = new PngImage(bins, rows.Count);
        for (int row = 0; row < rows.Count; row++)
        {
            if (rows[row] is not { } cells)
                continue;
            for (int bin = 0; bin < bins; bin++)
            {
                double resident = ResidentPart(cells.Row, bin, analysis);
                if (resident > 0.001)
                    picture.Paint(bin, row, _resident, 0.12 + (0.6 * resident));
                double faults = cells.Row.Faults[bin];
                if (faults > 0)
                    picture.Paint(bin, row, _faulted, 0.45 + (0.55 * Math.Log(1 + faults) / Math.Log(1 + most)));
            }
        }

        return picture;
    }

    /// <summary>The part of a row that was on a device during a bin.</summary>
    /// <param name="row">The row.</param>
    /// <param name="bin">The bin.</param>
    /// <param name="analysis">The analysis.</param>
    private static double ResidentPart(HeatRow row, int bin, TraceAnalysis analysis)
    {
        long covered = Math.Min(analysis.Axis.Width, Math.Max(1, analysis.Axis.Now - (bin * analysis.Axis.Width)));
        return Math.Min(1, row.Residency[bin] / covered / analysis.Heat.RowBytes);
    }

    /// <summary>Draws when kernels ran.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="analysis">The analysis.</param>
    private static void WriteKernels(TextWriter writer, TraceAnalysis analysis)
    {
        double whole = (double)analysis.Axis.Used * analysis.Axis.Width;
        if (analysis.Spans.Count == 0)
            return;
        writer.Write($"<text class=\"tick\" x=\"{Chart.Left - 8}\" y=\"{Chart.At(KernelTop + 12)}\" text-anchor=\"end\">kernels</text>");
        foreach (KernelSpan span in analysis.Spans)
        {
            double from = Chart.Left + (Chart.PlotWidth * span.From / whole);
            double width = Math.Max(0.6, Chart.PlotWidth * (span.To - span.From) / whole);
            string name = analysis.Kernels[span.Kernel].Name;
            writer.Write($"<rect class=\"kernel f{span.Kernel % KernelColors}\" x=\"{Chart.At(from)}\" y=\"{Chart.At(KernelTop)}\" width=\"{Chart.At(width)}\" height=\"{Chart.At(KernelHeight)}\"><title>{Html.Escape(name)}, {Format.Time(span.To - span.From)}</title></rect>");
            if (name.Length * 7.2 < width - 8)
                writer.Write($"<text class=\"kernelname\" x=\"{Chart.At(from + (width / 2))}\" y=\"{Chart.At(KernelTop + 12)}\" text-anchor=\"middle\">{Html.Escape(name)}</text>");
        }
    }

    /// <summary>Writes what the rows are, each allocation once, as far as there is room.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="analysis">The analysis.</param>
    /// <param name="rowHeight">The height of one.</param>
    private static void WriteNames(TextWriter writer, List<(VirtualAddress Start, HeatRow Row)?> rows, TraceAnalysis analysis, double rowHeight)
    {
        double free = Top - LeastLabel;
        for (int first = 0; first < rows.Count;)
        {
            if (rows[first] is not { } row)
            {
                first++;
                continue;
            }

            string name = NameOf(row.Start, analysis);
            int last = first;
            while (last + 1 < rows.Count && rows[last + 1] is { } next && NameOf(next.Start, analysis) == name)
                last++;
            double middle = Top + (rowHeight * (first + last + 1) / 2);
            if (first > 0)
                writer.Write($"<line class=\"border\" x1=\"{Chart.Left - 6}\" x2=\"{Chart.Left + Chart.PlotWidth}\" y1=\"{Chart.At(Top + (rowHeight * first))}\" y2=\"{Chart.At(Top + (rowHeight * first))}\"/>");
            if (middle - free >= LeastLabel)
            {
                writer.Write($"<text class=\"name\" x=\"{Chart.Left - 8}\" y=\"{Chart.At(middle + 4)}\" text-anchor=\"end\">{Chart.Cut(name)}<title>{Html.Escape(name)}</title></text>");
                free = middle;
            }

            first = last + 1;
        }
    }

    /// <summary>What a row is called.</summary>
    /// <param name="start">Its first address.</param>
    /// <param name="analysis">The analysis.</param>
    private static string NameOf(VirtualAddress start, TraceAnalysis analysis)
    {
        Allocation? allocation = analysis.Allocations.Find(start) ?? analysis.Allocations.Find(start + (analysis.Heat.RowBytes - 1));
        return allocation is null ? start.AlignDown(PageOrder.Huge).ToString() : allocation.Name.Length > 0 ? allocation.Name : allocation.Interval.Start.ToString();
    }

    /// <summary>The figures of the map.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="analysis">The analysis.</param>
    /// <param name="rowHeight">The height of one.</param>
    /// <param name="bins">How many bins there are.</param>
    private static string JsonOf(List<(VirtualAddress Start, HeatRow Row)?> rows, TraceAnalysis analysis, double rowHeight, int bins)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{{\"x\":{Chart.Left},\"w\":{Chart.PlotWidth},\"n\":{bins},\"bin\":{analysis.Axis.Width},\"y\":{Chart.At(Top)},\"h\":{Chart.At(rowHeight)},\"heat\":[");
        for (int row = 0; row < rows.Count; row++)
        {
            text.Append(row > 0 ? "," : "");
            if (rows[row] is not { } cells)
            {
                text.Append("null");
                continue;
            }

            text.Append(CultureInfo.InvariantCulture, $"{{\"name\":{Chart.Json($"{NameOf(cells.Start, analysis)}, {Format.Size(analysis.Heat.RowBytes)} at {cells.Start}")}");
            text.Append(CultureInfo.InvariantCulture, $",\"r\":{Chart.Runs(Bins(bin => Math.Round(100 * ResidentPart(cells.Row, bin, analysis))))}");
            text.Append(CultureInfo.InvariantCulture, $",\"f\":{Chart.Runs(Bins(bin => cells.Row.Faults[bin]))},\"i\":{Chart.Runs(Bins(bin => cells.Row.In[bin]))},\"o\":{Chart.Runs(Bins(bin => cells.Row.Out[bin]))}}}");
        }

        return text.Append("]}").ToString();

        IEnumerable<double> Bins(Func<int, double> figure) => Enumerable.Range(0, bins).Select(figure);
    }
}
