// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Reporting;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm report`: a trace, a workload or a study as one page for a browser.</summary>
internal static class ReportCommand
{
    /// <summary>What a page of a race has, and no other page.</summary>
    private const string RaceMark = "<div class=\"race\"";

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var machine = new MachineOptions();
        machine.Source.Description = "A study's rows (gpusvm compare --results FILE.jsonl), or " + machine.Source.Description![..1].ToLowerInvariant() + machine.Source.Description[1..];
        var output = CommandLine.TextOption("--output", "FILE", "Where the page goes; default the source's name with .html, in this folder.");
        output.Aliases.Add("-o");
        var race = new Option<string[]>("--race") { HelpName = "FILE", Description = "A page of gpusvm explore --picture to take in; may be repeated." };
        var threads = CommandLine.TextOption("--threads", "N", "Replays of suggestions at once; default one a processor, 0 to replay none.");
        var quiet = new Option<bool>("--quiet", "-q") { Description = "No progress; errors and the exit code only." };
        var command = new Command("report", "Write a trace, a workload or a study as one page for a browser that needs nothing else: what cost most, over time and by address, and what would help.")
        {
            output, race, threads, quiet,
        };
        machine.AddTo(command);
        command.SetAction(parsed =>
        {
            var source = parsed.GetValue(machine.Source)!;
            var path = parsed.GetValue(output) ?? $"{Path.GetFileNameWithoutExtension(source)}.html";
            PageFile.Check(path);
            var silent = parsed.GetValue(quiet);
            RacePicture[] races = [.. (parsed.GetValue(race) ?? []).Select(ReadRace)];
            var code = ExitCode.Done;
            if (source.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase))
            {
                if (races.Length > 0)
                    throw new InputException("--race goes with a trace or workload, not with a study; leave it out");
                WriteStudy(path, Path.GetFileName(source), StudyFile.ReadAll(source));
            }
            else
            {
                var explanation = ExplainCommand.Explain(source, machine.WorkloadOptions(parsed), machine.Settings(parsed), ExplainCommand.Threads(parsed.GetValue(threads)), console, silent);
                WriteExplanation(path, explanation, races);
                code = explanation.Problem.Length == 0 ? ExitCode.Done : ExitCode.Failed;
            }

            if (!silent)
                console.Output.WriteLine($"{path}: {Format.Size(new FileInfo(path).Length)}; open it in a browser");
            return code;
        });
        return command;
    }

    /// <summary>Writes the page of an explanation.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="explanation">The explanation.</param>
    /// <param name="races">Pages of races to take in.</param>
    public static void WriteExplanation(string path, Explanation explanation, IReadOnlyList<RacePicture> races) => PageFile.Write(path, writer => ReportPage.Write(writer, explanation, races));

    /// <summary>Writes the page of a study.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="name">What the study is called.</param>
    /// <param name="rows">Its rows.</param>
    public static void WriteStudy(string path, string name, IReadOnlyList<Lab.Studies.StudyRow> rows)
        => PageFile.Write(path, writer => StudyPage.Write(writer, $"Policies compared: {name}", rows));

    /// <summary>Reads the page of a race.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">It is none, or cannot be read.</exception>
    private static RacePicture ReadRace(string path)
    {
        try
        {
            var page = File.ReadAllText(path);
            if (!page.Contains(RaceMark, StringComparison.Ordinal))
                throw new InputException($"--race {path}: no page of a race; make one with gpusvm explore SCENARIO --picture FILE");
            return new RacePicture(Path.GetFileNameWithoutExtension(path), page);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"--race {path}: cannot be read ({e.Message.TrimEnd('.')}); give a page of gpusvm explore --picture", e);
        }
    }
}
