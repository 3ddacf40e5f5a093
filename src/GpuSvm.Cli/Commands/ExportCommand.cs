// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Exporting;
using GpuSvm.Traces;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm export`: traces for other tools.</summary>
internal static class ExportCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var trace = new Argument<string>("TRACE") { Description = "A trace (.gsvmtrace)." };
        var output = CommandLine.TextOption("--output", "FILE", "Where the result goes; must be given.");
        output.Aliases.Add("-o");
        var to = CommandLine.TextOption("--to", "FORMAT", $"{string.Join(", ", ExportFormats.Names)}; without it the ending of FILE says which (.pftrace, .json, .csv, .parquet).");
        var command = new Command("export", "Write a trace as other tools read it. Exit code 1 if the trace was cut off or damaged; what is good of it is written.")
        {
            trace, output, to,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(trace)!;
            var file = parsed.GetValue(output) ?? throw new InputException("export needs a file for the result; give it with -o FILE");
            return TraceFileErrors.Guard(path, file, () => Export(path, file, FormatOf(parsed.GetValue(to), file), console));
        });
        return command;
    }

    /// <summary>The format that the user wants.</summary>
    /// <param name="to">Its name, or null.</param>
    /// <param name="file">The file, whose ending says it otherwise.</param>
    private static ExportFormat FormatOf(string? to, string file)
    {
        var names = string.Join(", ", ExportFormats.Names);
        return to is null
            ? ExportFormats.OfFile(file) ?? throw new InputException($"{file}: its ending says no format; name one with --to ({names})")
            : ExportFormats.Find(to) ?? throw new InputException($"--to {to}: no such format; use one of {names}");
    }

    /// <summary>Exports, and tells what came of it.</summary>
    /// <param name="path">The trace.</param>
    /// <param name="file">Where to.</param>
    /// <param name="format">As what.</param>
    /// <param name="console">Where to tell.</param>
    private static int Export(string path, string file, ExportFormat format, ToolConsole console)
    {
        if (Path.GetFullPath(path) == Path.GetFullPath(file))
            throw new InputException($"{file}: is the trace itself; name another file with -o");
        using var reader = TraceReader.Open(path);
        using (var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
            TraceExport.Write(reader, format, stream);
        if (reader.Problem.Length > 0)
            console.WriteError(reader.Problem);
        console.Output.WriteLine($"{file}: {reader.Records:N0} records of {Path.GetFileName(path)}");
        return reader.End == TraceEnd.Complete ? ExitCode.Done : ExitCode.Failed;
    }
}
