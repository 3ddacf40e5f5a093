// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>A figure of a recorded run beside that of its replay.</summary>
/// <param name="Name">What it counts.</param>
/// <param name="Recorded">In the run.</param>
/// <param name="Replayed">In the replay.</param>
internal sealed record ComparedFigure(string Name, long Recorded, long Replayed);
