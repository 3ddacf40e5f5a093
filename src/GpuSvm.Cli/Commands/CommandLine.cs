// SPDX-License-Identifier: MIT
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Commands;

/// <summary>The whole command line: parses, runs the command, and turns every failure into one line on standard error and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>Runs the tool.</summary>
    /// <param name="args">The arguments behind the tool's name.</param>
    /// <param name="console">Where to write.</param>
    /// <returns>A value of <see cref="ExitCode"/>.</returns>
    public static int Run(IReadOnlyList<string> args, ToolConsole console)
    {
        var root = new Command("gpusvm", "One shared virtual address space for a process and its GPUs, in user space.")
        {
            RunCommand.Create(console),
            RecordCommand.Create(console),
            DoctorCommand.Create(console),
            BenchCommand.Create(console),
            TopCommand.Create(console),
            ConformCommand.Create(console),
            ExploreCommand.Create(console),
            ImportCommand.Create(console),
            ExportCommand.Create(console),
            ReplayCommand.Create(console),
            CompareCommand.Create(console),
            AdviseCommand.Create(console),
            ExplainCommand.Create(console),
            ReportCommand.Create(console),
            new HelpOption { Recursive = true },
        };
        var version = new Option<bool>("--version") { Description = "Show the version." };
        root.Add(version);
        root.SetAction(parsed =>
        {
            console.Output.WriteLine(typeof(CommandLine).Assembly.GetName().Version?.ToString(3));
            return ExitCode.Done;
        });
        var parsed = root.Parse(args.Count == 0 ? ["--help"] : args);
        if (parsed.Errors.Count > 0 || MistypedOption(parsed) is not null)
        {
            console.WriteError(Explain(parsed));
            return ExitCode.BadInput;
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { Output = console.Output, Error = console.Error, EnableDefaultExceptionHandler = false });
        }
        catch (InputException e)
        {
            console.WriteError(e.Message);
            return ExitCode.BadInput;
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            console.WriteError((e.InnerException ?? e).Message);
            return ExitCode.BadInput;
        }
        catch (SharedMemoryException e)
        {
            console.WriteError($"the run failed with {e.Status}: {e.Message}");
            return ExitCode.Failed;
        }
        catch (OutOfMemoryException)
        {
            console.WriteError("this machine has not enough memory for that; use a smaller --size or graph");
            return ExitCode.BadInput;
        }
    }

    /// <summary>Turns the parser's first error into one line, with the nearest known word for a word that is not known.</summary>
    private static string Explain(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var help = $"see {(command.Name == "gpusvm" ? "" : "gpusvm ")}{command.Name} --help";
        var unknown = MistypedOption(parsed) ?? (parsed.UnmatchedTokens.Count > 0 ? parsed.UnmatchedTokens[0] : null);
        if (unknown is null)
            return $"{parsed.Errors[0].Message.TrimEnd('.')}; {help}";
        var known = command.Subcommands.Select(subcommand => subcommand.Name).Concat(command.Options.Select(option => option.Name));
        var nearest = NearestName.Find(unknown, known);
        return $"unknown {(unknown.StartsWith('-') ? "option" : "command or argument")} '{unknown}'; {(nearest is null ? "" : $"did you mean '{nearest}'? ")}{help}";
    }

    /// <summary>
    /// The first word that looks like an option and was taken for a value, or null: no value that the tool takes begins with two dashes. What follows "--" is another program's.
    /// </summary>
    private static string? MistypedOption(ParseResult parsed)
        => parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash).FirstOrDefault(token => token.Type == TokenType.Argument && token.Value.StartsWith("--", StringComparison.Ordinal))?.Value;

    /// <summary>Makes an option that takes one text value; commands read the text themselves, so that errors name the remedy.</summary>
    /// <param name="name">With its dashes.</param>
    /// <param name="value">What help calls the value.</param>
    /// <param name="description">One line of help.</param>
    internal static Option<string?> TextOption(string name, string value, string description)
        => new(name) { HelpName = value, Description = description, Arity = ArgumentArity.ExactlyOne };

    /// <summary>Reads a whole number within bounds.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="option">The option, for the message.</param>
    /// <param name="least">The smallest allowed.</param>
    /// <param name="most">The largest allowed.</param>
    /// <exception cref="InputException">It is not a number or out of bounds.</exception>
    internal static int ParseNumber(string text, string option, int least, int most)
        => int.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new InputException($"{option} {text}: not a whole number from {least} to {most}");
}
