// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Tests;

/// <summary>One call of the tool through its entry point, with what it wrote.</summary>
/// <param name="ExitCode">What the process would end with.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record ToolRun(int ExitCode, string Output, string Error)
{
    /// <summary>Runs the tool in this process, with pipes and not a terminal.</summary>
    public static ToolRun Of(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = CommandLine.Run(args, new ToolConsole(output, error, interactive: false));
        return new ToolRun(code, output.ToString(), error.ToString());
    }
}
