// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;

return CommandLine.Run(args, ToolConsole.System());
