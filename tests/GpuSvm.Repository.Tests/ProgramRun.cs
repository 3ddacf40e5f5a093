// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Repository.Tests;

/// <summary>Runs other programs to their good end.</summary>
internal static class ProgramRun
{
    /// <summary>The .NET host that runs these tests, or else the one in PATH.</summary>
    public static string Dotnet { get; } = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";

    /// <summary>Runs a program; the test fails with all it said if that is not its good end.</summary>
    /// <param name="program">What to run.</param>
    /// <param name="folder">Where.</param>
    /// <param name="arguments">With what.</param>
    /// <returns>What it printed.</returns>
    public static string Run(string program, string folder, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output}\n{errors.Result}");
        return output;
    }
}
