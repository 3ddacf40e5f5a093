// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using GpuSvm.Core.Host;
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Reporting;

/// <summary>What the charts of a page have in common: their measures, axes, colours and the figures behind them.</summary>
/// <remarks>All charts over time have the same measures, so that their times lie below each other. The figures stand in the page as JSON, and a script reads them out where the pointer or the arrow keys are.</remarks>
internal static class Chart
{
    /// <summary>The width of a chart, in its own units.</summary>
    public const int Width = 1040;

    /// <summary>Where the plot begins.</summary>
    public const int Left = 150;

    /// <summary>The width of the plot.</summary>
    public const int PlotWidth = Width - Left - 16;

    private const int Characters = 20; // That fit beside a plot.

    /// <summary>The number of the colour of a cause.</summary>
    /// <param name="cause">The cause.</param>
    public static int ColorOf(MigrationCause cause) => cause switch
    {
        MigrationCause.GpuFault => 0,
        MigrationCause.CpuFault => 1,
        MigrationCause.Prefetch => 2,
        MigrationCause.Eviction => 3,
        MigrationCause.AccessCounter => 4,
        MigrationCause.Unplug => 5,
        MigrationCause.HostFault => 6,
        _ => 7,
    };

    /// <summary>A cause in words.</summary>
    /// <param name="cause">The cause.</param>
    public static string NameOf(MigrationCause cause) => cause switch
    {
        MigrationCause.GpuFault => "GPU fault",
        MigrationCause.CpuFault => "CPU fault",
        MigrationCause.Prefetch => "prefetch",
        MigrationCause.Eviction => "eviction",
        MigrationCause.AccessCounter => "access counter",
        MigrationCause.Unplug => "unplug",
        MigrationCause.HostFault => "needed in RAM",
        _ => "not known",
    };

    /// <summary>A coordinate.</summary>
    /// <param name="value">Any number.</param>
    public static string At(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>A name cut so that it fits beside a plot.</summary>
    /// <param name="name">The name.</param>
    public static string Cut(string name) => Html.Escape(name.Length <= Characters ? name : name[..(Characters - 1)] + "\u2026");

    /// <summary>A round step for about so many marks.</summary>
    /// <param name="whole">What they are to cover, above 0.</param>
    /// <param name="marks">How many are wanted at the most.</param>
    /// <param name="isBinary">Whether steps are powers of two, as for bytes.</param>
    public static double StepOf(double whole, int marks, bool isBinary = false)
    {
        double least = whole / marks;
        if (isBinary)
            return Math.Pow(2, Math.Ceiling(Math.Log2(least)));
        double power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return power * (least / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 };
    }

    /// <summary>The axis of time below a plot, with lines through it.</summary>
    /// <param name="axis">The time.</param>
    /// <param name="top">Where the plot begins.</param>
    /// <param name="bottom">Where it ends.</param>
    public static string TimeAxisOf(TimeAxis axis, double top, double bottom)
    {
        double whole = (double)axis.Used * axis.Width;
        double step = StepOf(whole, 8);
        var text = new StringBuilder();
        for (double time = 0; time <= whole * 0.985; time += step)
        {
            double x = Left + (PlotWidth * time / whole);
            text.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{At(x)}\" x2=\"{At(x)}\" y1=\"{At(top)}\" y2=\"{At(bottom)}\"/>");
            text.Append(CultureInfo.InvariantCulture, $"<text class=\"tick\" x=\"{At(x)}\" y=\"{At(bottom + 14)}\" text-anchor=\"{(time == 0 ? "start" : "middle")}\">{(time == 0 ? "0" : Round(time))}</text>");
        }

        return text.ToString();
    }

    /// <summary>A round time.</summary>
    /// <param name="nanoseconds">The time.</param>
    public static string Round(double nanoseconds) => nanoseconds switch
    {
        < 1e3 => $"{At(nanoseconds)} ns",
        < 1e6 => $"{At(nanoseconds / 1e3)} \u00b5s",
        < 1e9 => $"{At(nanoseconds / 1e6)} ms",
        _ => $"{At(nanoseconds / 1e9)} s",
    };

    /// <summary>Figures as JSON, with equal neighbours told once: value, count, value, count.</summary>
    /// <param name="values">The figures.</param>
    public static string Runs(IEnumerable<double> values)
    {
        var text = new StringBuilder("[");
        double last = double.NaN;
        int count = 0;
        foreach (double value in values.Select(value => Math.Round(value, 3)).Append(double.NaN))
        {
            if (value == last)
            {
                count++;
                continue;
            }

            if (count > 0)
                text.Append(CultureInfo.InvariantCulture, $"{(text.Length > 1 ? "," : "")}{last:0.###},{count}");
            (last, count) = (value, 1);
        }

        return text.Append(']').ToString();
    }

    /// <summary>Begins a figure that can be read out.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="label">What it shows, for who cannot see it.</param>
    /// <param name="height">Its height.</param>
    public static void Begin(TextWriter writer, string label, double height) => writer.Write(
        $"<figure class=\"chart\" tabindex=\"0\" aria-label=\"{Html.Escape(label)}\"><svg viewBox=\"0 0 {Width} {At(height)}\" role=\"img\" aria-label=\"{Html.Escape(label)}\">");

    /// <summary>Ends a figure.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="top">Where the plot begins.</param>
    /// <param name="bottom">Where it ends.</param>
    /// <param name="hint">What is read out before anything is pointed at.</param>
    /// <param name="json">The figures.</param>
    public static void End(TextWriter writer, double top, double bottom, string hint, string json) => writer.Write(
        $"<line class=\"cursor\" x1=\"0\" x2=\"0\" y1=\"{At(top)}\" y2=\"{At(bottom)}\"/></svg><figcaption aria-live=\"polite\">{Html.Escape(hint)}</figcaption><script type=\"application/json\">{json}</script></figure>\n");

    /// <summary>Text inside JSON inside a page.</summary>
    /// <param name="text">Any text.</param>
    public static string Json(string text) => $"\"{System.Text.Json.JsonEncodedText.Encode(text)}\"";
}
