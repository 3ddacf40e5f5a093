// SPDX-License-Identifier: MIT
using System.Diagnostics;
using Spectre.Console;

namespace GpuSvm.Cli.Report;

/// <summary>
/// Tells a waiting person what goes on. On a terminal one live line with a spinner; in a pipe a plain line when a stage begins, and one more at most
/// every five seconds within it; nothing at all where the user asked for quiet.
/// </summary>
internal sealed class Progress
{
    /// <summary>Time between two plain lines of the same stage.</summary>
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(5);

    /// <summary>The live line, or null.</summary>
    private readonly StatusContext? _status;

    /// <summary>Where plain lines go, or null.</summary>
    private readonly TextWriter? _plain;

    /// <summary>Since when the last plain line stands.</summary>
    private readonly Stopwatch _sinceLine = new();

    /// <summary>The stage now, as text.</summary>
    private string _stage = "";

    /// <summary>Shows on a live line, in plain lines, or nowhere.</summary>
    /// <param name="status">The live line, or null.</param>
    /// <param name="plain">Where plain lines go, or null.</param>
    private Progress(StatusContext? status, TextWriter? plain)
    {
        _status = status;
        _plain = plain;
    }

    /// <summary>Progress that nobody sees.</summary>
    public static Progress None { get; } = new(null, null);

    /// <summary>Runs work while its progress is shown.</summary>
    /// <param name="console">Where to show it.</param>
    /// <param name="quiet">Whether to show nothing.</param>
    /// <param name="work">The work; it reports through its argument.</param>
    /// <returns>What the work gave.</returns>
    public static T Show<T>(ToolConsole console, bool quiet, Func<Progress, T> work)
    {
        if (quiet)
            return work(None);
        if (!console.Interactive)
            return work(new Progress(null, console.Output));
        return console.Ansi.Status().Start("starting", status => work(new Progress(status, null)));
    }

    /// <summary>A new stage begins.</summary>
    /// <param name="stage">What happens now, as "filling 64 MiB with 2 threads".</param>
    public void Stage(string stage)
    {
        _stage = stage;
        if (_status is not null)
            _status.Status = Markup.Escape(stage);
        _plain?.WriteLine(stage + " ...");
        _sinceLine.Restart();
    }

    /// <summary>The stage has come some way.</summary>
    /// <param name="how">How far, in words.</param>
    public void Tell(string how)
    {
        string text = $"{_stage}: {how}";
        if (_status is not null)
            _status.Status = Markup.Escape(text);
        if (_plain is not null && _sinceLine.Elapsed >= PlainInterval)
        {
            _plain.WriteLine(text + " ...");
            _sinceLine.Restart();
        }
    }

    /// <summary>The stage has come some way.</summary>
    /// <param name="done">Steps done.</param>
    /// <param name="total">Steps in all, or 0 if that is not known.</param>
    /// <param name="what">What a step is, as "round" or "level".</param>
    public void Step(long done, long total, string what)
    {
        Tell(total > 0 ? $"{what} {done} of {total}" : $"{what} {done}");
    }
}
