// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace GpuSvm.Tests;

/// <summary>
/// The soak runs in a process of its own: if a collection ever waits for a page fault that waits for the collection, no thread of that process moves again,
/// a watchdog among them. So this one watches it from outside.
/// </summary>
public class SoakTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(25);

    [Fact]
    public void SoakOfGarbageCollectionAndFaults()
    {
        double seconds = double.TryParse(Environment.GetEnvironmentVariable("GPUSVM_SOAK_SECONDS"), CultureInfo.InvariantCulture, out double chosen) ? chosen : 5;
        if (Environment.GetEnvironmentVariable("GPUSVM_SOAK_PROGRESS") is { Length: > 0 } progress)
        {
            SoakWorkload.Run(TimeSpan.FromSeconds(seconds), progress);
            return;
        }
        Memories.Open(MemoryKind.Real).Dispose(); // Skips where there is none.
        string file = Path.GetTempFileName();
        try
        {
            Supervise(file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Runs this test again in a child process and watches that every one of its threads goes on.</summary>
    /// <param name="file">Where the child writes a line for each thread, twice a second.</param>
    private static void Supervise(string file)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(SoakTests).Assembly.Location);
        start.ArgumentList.Add("-method");
        start.ArgumentList.Add($"{typeof(SoakTests).FullName}.{nameof(SoakOfGarbageCollectionAndFaults)}");
        start.Environment["GPUSVM_SOAK_PROGRESS"] = file;
        using Process child = Process.Start(start)!;
        Task<string> output = child.StandardOutput.ReadToEndAsync();
        Task<string> errors = child.StandardError.ReadToEndAsync();
        Dictionary<string, (string Count, long Since)> lines = [];
        while (!child.WaitForExit(500))
        {
            long now = Stopwatch.GetTimestamp();
            foreach (string line in ReadLines(file))
            {
                string[] parts = line.Split('=');
                if (!lines.TryGetValue(parts[0], out (string Count, long Since) last) || last.Count != parts[1])
                    lines[parts[0]] = (parts[1], now);
            }
            string[] stuck = [.. lines.Where(line => !line.Value.Count.EndsWith("done", StringComparison.Ordinal) && Stopwatch.GetElapsedTime(line.Value.Since, now) > _patience).Select(line => line.Key)];
            if (stuck.Length == 0)
                continue;
            string dump = Dump(child.Id);
            child.Kill();
            Assert.Fail($"the soak hangs; stuck: {string.Join(", ", stuck)}\n{string.Join('\n', ReadLines(file))}\n{dump}");
        }
        TestContext.Current.SendDiagnosticMessage("{0}", string.Join(' ', ReadLines(file)));
        Assert.True(child.ExitCode == 0, output.Result + errors.Result);
        Assert.NotEmpty(lines);
    }

    /// <summary>What the child last wrote; it replaces the file as a whole.</summary>
    private static string[] ReadLines(string file) => File.Exists(file) ? File.ReadAllText(file).Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];

    /// <summary>What each thread of a process does, as the kernel tells it: its name, state, and where in the kernel it waits.</summary>
    private static string Dump(int process)
    {
        var dump = new StringBuilder();
        foreach (string task in Directory.GetDirectories($"/proc/{process}/task"))
        {
            dump.Append(Path.GetFileName(task));
            foreach (string name in (string[])["comm", "wchan", "syscall", "stack"])
            {
                try
                {
                    dump.Append(' ').Append(File.ReadAllText(Path.Combine(task, name)).Trim().ReplaceLineEndings(" < "));
                }
                catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
                {
                    dump.Append(" ?");
                }
            }
            dump.Append('\n');
        }
        return dump.ToString();
    }
}
