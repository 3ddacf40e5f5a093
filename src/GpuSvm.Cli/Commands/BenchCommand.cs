// SPDX-License-Identifier: MIT
using System.CommandLine;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Commands;

/// <summary>`gpusvm bench`.</summary>
internal static class BenchCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="console">Where it writes.</param>
    public static Command Create(ToolConsole console) => new("bench", console.ToString());
}
