// SPDX-License-Identifier: MIT
using System.ComponentModel;
using System.Diagnostics;

namespace GpuSvm.Cli.Bench;

/// <summary>Runs another program to its end and takes what it says.</summary>
internal static class ChildProcess
{
    /// <summary>The most a run may take.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Runs a program, or stops it when it takes too long.</summary>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>The exit code, -1 if it could not be run or was stopped; its output; its errors, or why it did not run.</returns>
    public static (int Code, string Output, string Error) Run(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync();
            var error = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(Limit))
            {
                process.Kill(entireProcessTree: true);
                return (-1, "", $"it ran longer than {Limit.TotalSeconds} seconds");
            }

            return (process.ExitCode, output.Result, error.Result);
        }
        catch (Win32Exception e)
        {
            return (-1, "", e.Message);
        }
    }

    /// <summary>The first line of a message that is not empty.</summary>
    /// <param name="text">What a program said.</param>
    public static string FirstLine(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault() ?? "no message";
}
