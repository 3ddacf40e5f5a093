// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Net;

namespace GpuSvm.Lab.Tests;

/// <summary>Opens a page in a headless Chromium, lets it check itself, and tells what is wrong with it. Tests are skipped where there is no Chromium.</summary>
internal static class Chromium
{
    private const string Check = """
        window.wrong = [];
        window.addEventListener("error", event => window.wrong.push("script: " + event.message));
        window.addEventListener("load", () => {
          const wrong = window.wrong, meets = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
          for (const svg of document.querySelectorAll("svg")) {
            const box = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll("text")].map(text => [text.firstChild.textContent, text.getBoundingClientRect()]);
            for (const [said, at] of texts) if (at.left < box.left - 1 || at.right > box.right + 1 || at.top < box.top - 2 || at.bottom > box.bottom + 2) wrong.push("cut: " + said);
            for (let i = 0; i < texts.length; i++) for (let j = 0; j < i; j++) if (meets(texts[i][1], texts[j][1])) wrong.push("overlap: " + texts[i][0] + " and " + texts[j][0]);
          }
          for (const figure of document.querySelectorAll("figure")) {
            const said = figure.querySelector("figcaption"), before = said.textContent;
            for (const key of ["ArrowRight", "End", "Home", "ArrowDown"]) figure.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            if (said.textContent === before || /undefined|NaN/.test(said.textContent)) wrong.push("not read out: " + figure.getAttribute("aria-label") + ": " + said.textContent);
          }
          if (document.documentElement.scrollWidth > window.innerWidth) wrong.push("wider than the window: " + document.documentElement.scrollWidth);
          if (document.querySelectorAll("figure, table").length === 0) wrong.push("nothing in it");
          const frames = [...document.querySelectorAll("iframe")].filter(frame => !frame.contentDocument.querySelector(".race"));
          if (frames.length) wrong.push("a race that is not shown");
          const told = document.createElement("pre"); told.id = "checked"; told.textContent = wrong.join("\n"); document.body.append(told);
        });
        """;

    private static readonly string? _path = new[] { "chromium", "chromium-browser", "google-chrome" }
        .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    /// <summary>What is wrong with a page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="width">The width of the window.</param>
    /// <returns>A line for each fault; empty for a good one.</returns>
    public static string Faults(string page, int width = 1280)
    {
        Assert.SkipWhen(_path is null, "needs Chromium: install the package chromium");
        string folder = Directory.CreateTempSubdirectory("gpusvm-chromium-").FullName;
        try
        {
            string file = Path.Combine(folder, "page.html");
            File.WriteAllText(file, page.Insert(page.IndexOf("<style>", StringComparison.Ordinal), $"<script>{Check}</script>")); // Before any script of the page.
            var start = new ProcessStartInfo(_path!, ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", $"--user-data-dir={folder}/profile", $"--window-size={width},1600", "--virtual-time-budget=3000", "--dump-dom", $"file://{file}"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using Process process = Process.Start(start)!;
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            string document = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            int from = document.IndexOf("<pre id=\"checked\">", StringComparison.Ordinal);
            if (from < 0)
                return $"Chromium ended with {process.ExitCode} and has not checked the page";
            from += "<pre id=\"checked\">".Length;
            return WebUtility.HtmlDecode(document[from..document.IndexOf("</pre>", from, StringComparison.Ordinal)]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
