// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;

namespace GpuSvm.Lab.Tests;

/// <summary>The pictures of docs/reproduced.md, as SVG.</summary>
internal static class FaultPictures
{
    private const string Style = "font-family=\"sans-serif\" font-size=\"12\"";

    private static readonly string[] _colors = ["#b3261e", "#b26a00", "#1f6f43", "#1a56b0", "#6b3fa0", "#3c4a57"];

    /// <summary>Faults so far over pages touched so far, a line for each policy.</summary>
    /// <param name="lines">Names, and the pages touched at each fault.</param>
    /// <param name="pages">All pages.</param>
    public static string Walk(IReadOnlyList<(string Name, IReadOnlyList<int> PagesAtFault)> lines, int pages)
    {
        const int left = 60, top = 20, width = 560, height = 300, right = 190;
        var picture = Begin(left + width + right, top + height + 50, "far faults over pages touched");
        for (int share = 0; share <= 4; share++)
        {
            double y = top + height - (height * share / 4.0), x = left + (width * share / 4.0);
            picture.Append(Invariant($"<line x1=\"{left}\" y1=\"{y}\" x2=\"{left + width}\" y2=\"{y}\" stroke=\"#d0d0d0\"/>\n"));
            picture.Append(Invariant($"<text x=\"{left - 8}\" y=\"{y + 4}\" text-anchor=\"end\" {Style}>{pages * share / 4}</text>\n"));
            picture.Append(Invariant($"<text x=\"{x}\" y=\"{top + height + 18}\" text-anchor=\"middle\" {Style}>{pages * share / 4}</text>\n"));
        }

        picture.Append(Invariant($"<text x=\"{left + (width / 2)}\" y=\"{top + height + 40}\" text-anchor=\"middle\" {Style}>pages touched by the kernel</text>\n"));
        double lastLabel = double.MaxValue;
        foreach (((string name, IReadOnlyList<int> at), int index) in lines.Select((line, index) => (line, index)).OrderBy(line => line.line.PagesAtFault.Count))
        {
            var path = new StringBuilder();
            for (int fault = 0; fault < at.Count; fault += Math.Max(1, at.Count / 400))
                path.Append(Invariant($"{(fault == 0 ? 'M' : 'L')}{left + (width * (double)at[fault] / pages):0.#} {top + height - (height * (fault + 1.0) / pages):0.#}"));
            double end = top + height - (height * (double)at.Count / pages);
            path.Append(Invariant($"L{left + width} {end:0.#}"));
            lastLabel = Math.Min(end + 4, lastLabel - 16);
            picture.Append(Invariant($"<path d=\"{path}\" fill=\"none\" stroke=\"{_colors[index]}\" stroke-width=\"2\"/>\n"));
            picture.Append(Invariant($"<text x=\"{left + width + 8}\" y=\"{lastLabel:0.#}\" fill=\"{_colors[index]}\" {Style}>{name}: {at.Count}</text>\n"));
        }

        return picture.Append("</svg>\n").ToString();
    }

    /// <summary>The 32 parts of 64 KiB of a block of 2 MiB, coloured by the fault that brought each; what faulted has the fault's number in it.</summary>
    /// <param name="broughtBy">Of each part: which fault, from 0.</param>
    public static string Tree(IReadOnlyList<int> broughtBy)
    {
        const int cell = 26, left = 10, top = 24;
        var picture = Begin((2 * left) + (cell * broughtBy.Count), top + cell + 34, "which fault brings which 64 KiB of a block");
        picture.Append(Invariant($"<text x=\"{left}\" y=\"15\" {Style}>2 MiB read in order: each colour is what one fault brings, the number where it faults</text>\n"));
        for (int part = 0; part < broughtBy.Count; part++)
        {
            int fault = broughtBy[part];
            int x = left + (part * cell);
            bool faulted = part == 0 || broughtBy[part - 1] != fault;
            picture.Append(Invariant($"<rect x=\"{x}\" y=\"{top}\" width=\"{cell - 2}\" height=\"{cell - 2}\" fill=\"{_colors[fault % _colors.Length]}\" fill-opacity=\"{(faulted ? "1" : "0.45")}\"/>\n"));
            if (faulted)
                picture.Append(Invariant($"<text x=\"{x + ((cell - 2) / 2)}\" y=\"{top + 17}\" text-anchor=\"middle\" fill=\"#ffffff\" {Style}>{fault + 1}</text>\n"));
            if (part % 4 == 0)
                picture.Append(Invariant($"<text x=\"{x + ((cell - 2) / 2)}\" y=\"{top + cell + 14}\" text-anchor=\"middle\" {Style}>{part}</text>\n"));
        }

        return picture.Append("</svg>\n").ToString();
    }

    /// <summary>Begins a picture on white.</summary>
    private static StringBuilder Begin(int width, int height, string title) => new StringBuilder()
        .Append(Invariant($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{title}</title>\n"))
        .Append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");

    /// <summary>Text the same in every culture.</summary>
    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
