// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Reporting;

/// <summary>What all pages of reports have in common: one file with its looks and its script inside, light and dark as the reader's system has it, plain on paper, and usable by keyboard.</summary>
internal static class PageFrame
{
    /// <summary>Colours have the numbers of causes; see <see cref="Chart.ColorOf"/>.</summary>
    private const string Style = """
        :root { color-scheme: light dark; --bg: #fff; --fg: #1c2024; --dim: #5f6872; --line: #dfe3e8; --head: #f3f5f7; --bad: #b3141d; --good: #0a6b3d; --heat0: #2f6fd0; --heat1: #d63e14;
          --c0: #2f6fd0; --c1: #d06a1c; --c2: #2b8a4b; --c3: #8d4bc0; --c4: #b08900; --c5: #c0397b; --c6: #168a96; --c7: #7c858f; }
        @media (prefers-color-scheme: dark) { :root { --bg: #15181c; --fg: #e3e6ea; --dim: #a0a9b4; --line: #2e343b; --head: #1e2329; --bad: #ff7b80; --good: #6fd39b;
          --c0: #6fa5f5; --c1: #f0925a; --c2: #65c486; --c3: #c08cf0; --c4: #e0bd45; --c5: #f07db4; --c6: #57c6d0; --c7: #98a1ab; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 1.4em; max-width: 1120px; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, sans-serif; }
        h1 { font-size: 1.5em; line-height: 1.25; margin: 0 0 .3em; } h2 { font-size: 1.2em; margin: 2em 0 .5em; padding-bottom: .2em; border-bottom: 1px solid var(--line); } h3 { font-size: 1em; margin: 1.4em 0 .2em; }
        p { margin: .3em 0; } .dim { color: var(--dim); } .bad { color: var(--bad); } .good { color: var(--good); } b.strong { font-weight: 650; }
        code { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; } a { color: inherit; }
        nav { display: flex; flex-wrap: wrap; gap: .2em 1.2em; margin: .6em 0; font-size: 14px; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 8px; margin: 1em 0; } .tiles div { background: var(--head); padding: .5em .8em; border-radius: 6px; }
        .tiles b { display: block; font-size: 1.3em; font-weight: 650; } .tiles span { color: var(--dim); font-size: 13px; }
        ol.found { list-style: none; margin: 0; padding: 0; } ol.found li { display: grid; grid-template-columns: 8.5em 1fr; gap: .2em 1.2em; padding: .7em 0; border-bottom: 1px solid var(--line); break-inside: avoid; }
        .cost { text-align: right; } .cost b { font-size: 1.1em; display: block; white-space: nowrap; } .cost small { color: var(--dim); } .cost i { display: block; height: 5px; margin-top: .3em; background: var(--c1); margin-left: auto; border-radius: 2px; }
        .try { color: var(--good); font-weight: 600; }
        .scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; } th, td { padding: .3em .6em; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); white-space: nowrap; }
        th { color: var(--dim); font-weight: 600; background: var(--head); } th:first-child, td:first-child, .words { text-align: left; } td.words { white-space: normal; min-width: 17em; } td code { color: var(--dim); }
        tr.now td { background: var(--head); } tr.best td:first-child { font-weight: 650; } tr { break-inside: avoid; } caption { text-align: left; font-weight: 600; padding: .6em 0 .3em; }
        td.bar { min-width: 150px; } td.bar i { display: block; height: .8em; margin-top: .35em; border-radius: 2px; background: var(--c7); } td.bar i.helps { background: var(--c2); } td.bar i.hurts { background: var(--heat1); }
        .key { display: flex; flex-wrap: wrap; gap: .1em 1.4em; font-size: 13px; color: var(--dim); } .key i { display: inline-block; width: 12px; height: 12px; margin-right: .45em; vertical-align: -1px; border-radius: 2px; }
        .k0 { background: var(--c0); } .k1 { background: var(--c1); } .k2 { background: var(--c2); } .k3 { background: var(--c3); } .k4 { background: var(--c4); } .k5 { background: var(--c5); } .k6 { background: var(--c6); } .k7 { background: var(--c7); }
        .f0 { fill: var(--c0); } .f1 { fill: var(--c1); } .f2 { fill: var(--c2); } .f3 { fill: var(--c3); } .f4 { fill: var(--c4); } .f5 { fill: var(--c5); } .f6 { fill: var(--c6); } .f7 { fill: var(--c7); }
        .heat0 { background: var(--heat0); opacity: .72; } .heat1 { background: var(--heat1); }
        figure { margin: .4em 0 0; break-inside: avoid; border-radius: 4px; } figure:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; } figure svg { display: block; width: 100%; height: auto; } image { image-rendering: pixelated; }
        figcaption { font-size: 13px; color: var(--dim); min-height: 1.5em; } h3, .key { break-after: avoid; }
        svg text { font: 12px system-ui, sans-serif; fill: var(--dim); } svg .name { fill: var(--fg); } svg .kernelname { fill: var(--bg); font-size: 11px; } .kernel { opacity: .85; stroke: var(--bg); stroke-width: .6; }
        .grid { stroke: var(--line); stroke-width: 1; } .border { stroke: var(--dim); stroke-width: .6; opacity: .55; } .mark { stroke: var(--fg); stroke-width: 1; stroke-dasharray: 3 2; } .cursor { stroke: var(--fg); stroke-width: 1; visibility: hidden; } .cell { fill: none; stroke: var(--fg); visibility: hidden; }
        .on .cursor, .on .cell { visibility: visible; }
        iframe { width: 100%; height: 60vh; border: 1px solid var(--line); } footer { margin-top: 2.5em; color: var(--dim); font-size: 13px; }
        @media print { @page { margin: 12mm; } body { max-width: none; padding: 0; font-size: 11px; } h2 { margin-top: 1.2em; break-after: avoid; } table { font-size: 10px; } code { font-size: 9.5px; } nav, figcaption { display: none; } .key, .tiles span, footer { font-size: 9.5px; } .tiles div { padding: .3em .6em; } figure { margin-bottom: .6em; } td.words { min-width: 11em; }
          th, td { padding: .2em .4em; } td.bar { min-width: 60px; } .scroll { overflow: visible; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
        """;

    /// <summary>Reads figures out where the pointer or the arrow keys are.</summary>
    private const string Script = """
        "use strict";
        const size = b => { let u = 0; while (b >= 1024 && u < 4) { b /= 1024; u++; } return (Math.round(b * 10) / 10) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][u]; };
        const time = n => n < 1e3 ? n + " ns" : n < 1e6 ? +(n / 1e3).toPrecision(4) + " \u00b5s" : n < 1e9 ? +(n / 1e6).toPrecision(4) + " ms" : +(n / 1e9).toPrecision(4) + " s";
        const number = n => n.toLocaleString("en-US", { maximumFractionDigits: 1 });
        const unroll = runs => { const all = []; for (let i = 0; i < runs.length; i += 2) for (let n = runs[i + 1]; n > 0; n--) all.push(runs[i]); return all; };
        for (const figure of document.querySelectorAll("figure.chart")) {
          const data = JSON.parse(figure.querySelector("script").textContent), svg = figure.querySelector("svg"), line = svg.querySelector(".cursor"), cell = svg.querySelector(".cell"), said = figure.querySelector("figcaption");
          const rows = data.heat || data.rows;
          for (const row of rows) if (row) for (const key of "vrfio") if (row[key]) row[key] = unroll(row[key]);
          let bin = 0, at = 0;
          const show = () => {
            figure.classList.add("on");
            const wide = data.w / data.n, x = data.x + wide * (bin + .5);
            line.setAttribute("x1", x); line.setAttribute("x2", x);
            const when = data.labels ? data.labels[bin] : time(bin * data.bin) + " to " + time((bin + 1) * data.bin);
            if (data.heat) {
              const row = rows[at];
              cell.setAttribute("x", data.x + wide * bin - 1); cell.setAttribute("width", wide + 2); cell.setAttribute("y", data.y + data.h * at);
              said.textContent = row ? `${when}, ${row.name}: ${row.r[bin]} % on a device, ${number(row.f[bin])} faults, ${size(row.i[bin])} in, ${size(row.o[bin])} out` : `${when}: addresses left out`;
            } else said.textContent = `${when}: ` + rows.map(row => `${row.name} ${data.bytes ? size(row.v[bin]) : number(row.v[bin])}`).join(", ");
          };
          const keep = (value, most) => Math.max(0, Math.min(most - 1, value));
          const point = event => {
            const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
            bin = keep(Math.floor(((event.clientX - box.left) * scale - data.x) / data.w * data.n), data.n);
            if (data.heat) at = keep(Math.floor(((event.clientY - box.top) * scale - data.y) / data.h), rows.length);
            show();
          };
          svg.addEventListener("pointermove", point); svg.addEventListener("pointerdown", point);
          figure.addEventListener("keydown", event => {
            const step = event.shiftKey ? 10 : 1, way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step], Home: [-data.n, 0], End: [data.n, 0] }[event.key];
            if (!way || (way[1] && !data.heat)) return;
            event.preventDefault(); bin = keep(bin + way[0], data.n); at = keep(at + way[1], rows.length); show();
          });
          figure.addEventListener("focus", () => { if (figure.matches(":focus-visible")) show(); });
        }
        for (const frame of document.querySelectorAll("iframe")) {
          const fit = () => { frame.style.height = frame.contentDocument.documentElement.scrollHeight + 4 + "px"; };
          frame.addEventListener("load", fit); if (frame.contentDocument && frame.contentDocument.readyState === "complete") fit();
        }
        """;

    /// <summary>Begins a page.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="title">Its title.</param>
    public static void Begin(TextWriter writer, string title) => writer.Write(
        $"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width\"/><title>{Html.Escape(title)}</title>\n<style>\n{Style}\n</style></head>\n<body>\n<h1>{Html.Escape(title)}</h1>\n");

    /// <summary>Ends a page.</summary>
    /// <param name="writer">Where to.</param>
    public static void End(TextWriter writer) => writer.Write($"<script>\n{Script}\n</script>\n</body></html>\n");

    /// <summary>Writes the figures at the head of a page.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="tiles">Each with what it is.</param>
    public static void Tiles(TextWriter writer, IEnumerable<(string Figure, string What)> tiles)
    {
        writer.Write("<div class=\"tiles\">");
        foreach ((string figure, string what) in tiles)
            writer.Write($"<div><b>{Html.Escape(figure)}</b><span>{Html.Escape(what)}</span></div>");
        writer.Write("</div>\n");
    }
}
