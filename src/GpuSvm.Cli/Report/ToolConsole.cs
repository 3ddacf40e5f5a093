// SPDX-License-Identifier: MIT
using Spectre.Console;

namespace GpuSvm.Cli.Report;

/// <summary>
/// Where the tool writes: text for people on standard output, errors on standard error. Tests hand in writers; <see cref="System"/> is the real
/// terminal. Colours and live displays appear only where standard output is a terminal.
/// </summary>
internal sealed class ToolConsole
{
    /// <summary>Columns used where there is no terminal to ask.</summary>
    private const int DefaultWidth = 100;

    /// <summary>Makes a console over two writers.</summary>
    /// <param name="output">Reports and JSON.</param>
    /// <param name="error">Errors and, with JSON on standard output, nothing else.</param>
    /// <param name="interactive">Whether a person sits before <paramref name="output"/>: live displays and colours are allowed.</param>
    public ToolConsole(TextWriter output, TextWriter error, bool interactive)
    {
        Output = output;
        Error = error;
        Interactive = interactive;
        Ansi = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = interactive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = interactive && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = interactive ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new AnsiConsoleOutput(output),
        });
        if (!interactive)
            Ansi.Profile.Width = DefaultWidth;
    }

    /// <summary>Reports and JSON.</summary>
    public TextWriter Output { get; }

    /// <summary>Errors: one line each.</summary>
    public TextWriter Error { get; }

    /// <summary>Whether live displays and colours are allowed.</summary>
    public bool Interactive { get; }

    /// <summary>Tables and styled text, over <see cref="Output"/>.</summary>
    public IAnsiConsole Ansi { get; }

    /// <summary>The process's own terminal or pipes.</summary>
    public static ToolConsole System() => new(Console.Out, Console.Error, !Console.IsOutputRedirected);

    /// <summary>Writes one error line with the tool's name before it.</summary>
    /// <param name="message">What is wrong and the remedy; line breaks become blanks.</param>
    public void WriteError(string message) => Error.WriteLine("gpusvm: " + message.ReplaceLineEndings(" "));
}
