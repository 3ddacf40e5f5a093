// SPDX-License-Identifier: MIT
using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using GpuSvm.Cli.Report;
using GpuSvm.Traces;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm record`: runs a program as it is, and has the library record every shared memory that it opens.</summary>
internal static class RecordCommand
{
    /// <summary>The environment's variable that the library looks at.</summary>
    private const string Variable = "GPUSVM_TRACE";

    /// <summary>The most files that are looked for.</summary>
    private const int MostFiles = 10_000;

    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console)
    {
        var output = new Option<string>("--output", "-o") { HelpName = "FILE", Description = "The trace; a second memory or process gets FILE-2, and so on, before the extension.", DefaultValueFactory = _ => "run.gsvmtrace" };
        var program = new Argument<string[]>("PROGRAM") { Description = "The program and its arguments, behind --.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("record", "Run a program and record its shared memory into a trace that `gpusvm replay` runs again: gpusvm record -- PROGRAM ARGUMENTS.") { output, program };
        command.SetAction(parsed => Record(parsed.GetValue(output)!, parsed.GetValue(program)!, console));
        return command;
    }

    /// <summary>Runs the program and says what was written.</summary>
    /// <param name="path">The trace.</param>
    /// <param name="program">The program and its arguments.</param>
    /// <param name="console">Where to say it: on standard error, because standard output is the program's.</param>
    /// <returns>The program's exit code.</returns>
    private static int Record(string path, string[] program, ToolConsole console)
    {
        var full = Path.GetFullPath(path);
        if (Directory.Exists(full) || !Directory.Exists(Path.GetDirectoryName(full)))
            throw new InputException($"-o {path}: {(Directory.Exists(full) ? "is a folder" : "there is no such folder")}; name a file in a folder that exists");
        try
        {
            foreach (var old in FilesOf(full))
                File.Delete(old);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"-o {path}: what an earlier recording left cannot be removed ({e.Message.TrimEnd('.')}); name another file", e);
        }

        var code = Run(program, full);
        var written = FilesOf(full);
        if (written.Count == 0)
        {
            console.WriteError($"{program[0]} has opened no shared memory, so nothing was recorded; is it linked to libgpusvm of this version, and does it reach gpusvm_open?");
            return code == ExitCode.Done ? ExitCode.Failed : code;
        }

        foreach (var file in written)
            Tell(file, console);
        return code;
    }

    /// <summary>Runs the program with the variable set, on this process's own standard streams.</summary>
    /// <param name="program">The program and its arguments.</param>
    /// <param name="path">The trace.</param>
    /// <returns>Its exit code; 128 and the signal's number for one that a signal ended.</returns>
    private static int Run(string[] program, string path)
    {
        var start = new ProcessStartInfo(program[0]) { UseShellExecute = false };
        foreach (var argument in program.AsSpan(1))
            start.ArgumentList.Add(argument);
        start.Environment[Variable] = path;
        static void LetTheProgramDecide(object? sender, ConsoleCancelEventArgs pressed) => pressed.Cancel = true; // It gets the signal too, and we say what was written.
        Console.CancelKeyPress += LetTheProgramDecide;
        try
        {
            using var process = Process.Start(start)!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (Win32Exception e)
        {
            throw new InputException($"{program[0]}: cannot be started ({e.Message.TrimEnd('.')}); give a program that can be run, by its path or from PATH", e);
        }
        finally
        {
            Console.CancelKeyPress -= LetTheProgramDecide;
        }
    }

    /// <summary>Says what is in a trace.</summary>
    /// <param name="file">The trace.</param>
    /// <param name="console">Where to.</param>
    private static void Tell(string file, ToolConsole console)
    {
        try
        {
            using var reader = TraceReader.Open(file);
            var footprint = new TraceFootprint();
            var end = reader.ReadTo(footprint);
            var whole = end == TraceEnd.Complete ? "complete" : "cut off: the program ended without closing its memory, and what it did last may be missing";
            var lost = footprint.LostRecords == 0 ? "" : $", {Format.Count(footprint.LostRecords)} records lost because the program was faster than the disk";
            console.Error.WriteLine($"gpusvm: {file}: {Format.Count(reader.Records)} records, {Format.Bytes(new FileInfo(file).Length)}, {whole}{lost}; {string.Join(", ", footprint.Figures.All.Select(figure => $"{Format.Count(figure.Value)} {figure.Name}"))}");
        }
        catch (Exception e) when (e is TraceFileException or IOException or UnauthorizedAccessException)
        {
            console.WriteError($"what was recorded cannot be read: {e.Message}");
        }
    }

    /// <summary>The files of a recording that there are: the library counts them up from one, without a gap.</summary>
    /// <param name="path">The first one's path.</param>
    private static List<string> FilesOf(string path)
    {
        var files = new List<string>();
        for (var number = 1; number <= MostFiles; number++)
        {
            var file = number == 1 ? path : Path.Combine(Path.GetDirectoryName(path)!, $"{Path.GetFileNameWithoutExtension(path)}-{number}{Path.GetExtension(path)}");
            if (!File.Exists(file))
                break;
            files.Add(file);
        }

        return files;
    }
}
