// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Importing;
using GpuSvm.Traces;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm import`: other tools' files become traces.</summary>
internal static class ImportCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var file = new Argument<string>("FILE") { Description = "What another tool has written." };
        var output = CommandLine.TextOption("--output", "TRACE", "Where the trace goes; must be given.");
        output.Aliases.Add("-o");
        var from = CommandLine.TextOption("--from", "FORMAT", $"What the file is, if that is not plain from its content: {string.Join(", ", ImportFormats.Names)}.");
        var command = new Command("import", "Make a trace of what another profiler, driver or simulator has written. Exit code 1 if only a part of it could be read; that part is kept.")
        {
            file, output, from,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(file)!;
            var trace = parsed.GetValue(output) ?? throw new InputException("import needs a file for the trace; give it with -o TRACE");
            return TraceFileErrors.Guard(path, trace, () => Import(path, trace, parsed.GetValue(from), console));
        });
        return command;
    }

    /// <summary>Imports, and tells what came of it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="trace">Where to.</param>
    /// <param name="from">The format's name, or null.</param>
    /// <param name="console">Where to tell.</param>
    private static int Import(string path, string trace, string? from, ToolConsole console)
    {
        if (Path.GetFullPath(path) == Path.GetFullPath(trace))
            throw new InputException($"{trace}: is the file to be imported; name another file with -o");
        ImportFormat format;
        if (from is not null)
            format = ImportFormats.Find(from) ?? throw new InputException($"--from {from}: no such format; use one of {string.Join(", ", ImportFormats.Names)}");
        else
            format = Guess(path);
        using var writing = new StartedTrace(trace, new TraceHeader
        {
            Source = $"{ImportFormats.NameOf(format)}: {Path.GetFileName(path)}",
            Properties = new Dictionary<string, string> { ["imported from"] = ImportFormats.NameOf(format) },
        });
        var result = TraceImport.Read(path, format, writing);
        writing.Complete();
        if (result.Problem.Length > 0)
            console.WriteError(result.Problem);
        if (result.Records == 0)
            return result.Problem.Length > 0 ? ExitCode.BadInput : ExitCode.Failed;
        console.Output.WriteLine($"{trace}: {result.Records:N0} records from {result.Lines:N0} lines or rows of {ImportFormats.NameOf(format)}{(result.Skipped > 0 ? $", {result.Skipped:N0} passed over" : "")}");
        return result.Problem.Length > 0 ? ExitCode.Failed : ExitCode.Done;
    }

    /// <summary>Tells a format from a file's content.</summary>
    /// <param name="path">The file.</param>
    private static ImportFormat Guess(string path)
    {
        using var stream = File.OpenRead(path);
        return ImportFormats.Guess(stream)
            ?? throw new InputException($"{path}: its content is of none of the known formats; name one with --from ({string.Join(", ", ImportFormats.Names)})");
    }
}
