// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Commands;

/// <summary>What the tool's exit code means.</summary>
internal static class ExitCode
{
    /// <summary>Done; for `run` this includes that the result was verified, for `doctor` that real memory works.</summary>
    public const int Done = 0;

    /// <summary>The work ran and its answer is no: a result that differs, a run that failed, no real memory.</summary>
    public const int Failed = 1;

    /// <summary>What the user gave cannot be used; nothing ran.</summary>
    public const int BadInput = 2;
}
