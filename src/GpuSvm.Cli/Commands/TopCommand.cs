// SPDX-License-Identifier: MIT
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using GpuSvm.Cli.Report;
using GpuSvm.Cli.Watch;
using Spectre.Console;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm top`: what moves in a running process, once a second.</summary>
internal static class TopCommand
{
    /// <summary>Between two frames.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var process = new Argument<string?>("PID") { Arity = ArgumentArity.ZeroOrOne, Description = "The process; without it the one that can be watched, if there is one." };
        var once = new Option<bool>("--once") { Description = "One frame, after a second, for scripts." };
        var json = new Option<bool>("--json") { Description = "One JSON object a line for each frame." };
        var command = new Command("top", "Watch a running process: where its pages are, what faults and moves, and where. It must run with GPUSVM_MONITOR=1 or as gpusvm run --monitor.") { process, once, json };
        command.SetAction(parsed =>
        {
            using var watch = ProcessWatch.Open(Choose(parsed.GetValue(process)));
            return Watch(watch, parsed.GetValue(once), parsed.GetValue(json), console);
        });
        return command;
    }

    /// <summary>Which process is meant.</summary>
    /// <param name="text">What the user wrote; null for nothing.</param>
    /// <exception cref="InputException">It is no number, or there is not exactly one to choose.</exception>
    private static int Choose(string? text)
    {
        if (text is not null)
            return CommandLine.ParseNumber(text, "PID", 1, int.MaxValue);
        var found = ProcessWatch.Find();
        return found.Count switch
        {
            1 => found[0],
            0 => throw new InputException("no process can be watched; start one with GPUSVM_MONITOR=1 in its environment, or as gpusvm run --monitor"),
            _ => throw new InputException($"several processes can be watched; choose one: {string.Join(", ", found.Select(Describe))}"),
        };
    }

    /// <summary>A process's number with its program.</summary>
    private static string Describe(int pid)
    {
        var number = pid.ToString(CultureInfo.InvariantCulture);
        try
        {
            return $"{number} ({File.ReadAllText($"/proc/{number}/comm").Trim()})";
        }
        catch (IOException)
        {
            return number;
        }
    }

    /// <summary>Shows frames until the process ends, or one.</summary>
    private static int Watch(ProcessWatch watch, bool once, bool json, ToolConsole console)
    {
        var before = watch.Ask();
        var ended = before is null;
        var isLive = console.Interactive && !once && !json;
        while (!ended)
        {
            Thread.Sleep(Interval);
            var now = watch.Ask();
            ended = now is null || now.Memories!.Count == 0;
            if (ended)
                break;
            Write(TopFrame.Between(before!, now!), json, isLive, console);
            if (once)
                return ExitCode.Done;
            before = now;
        }

        var sentence = $"process {watch.Pid} has ended or closed its shared memory";
        if (once || json)
            console.WriteError(sentence);
        else
            console.Ansi.WriteLine(sentence);
        return once ? ExitCode.Failed : ExitCode.Done;
    }

    /// <summary>Writes one frame.</summary>
    private static void Write(TopFrame frame, bool json, bool isLive, ToolConsole console)
    {
        if (json)
        {
            console.Output.WriteLine(JsonSerializer.Serialize(frame, WatchJson.Default.TopFrame));
            console.Output.Flush();
            return;
        }

        if (isLive)
            console.Ansi.Clear();
        console.Ansi.Write(TopView.Of(frame));
    }
}
