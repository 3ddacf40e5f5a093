// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Watch;

/// <summary>One answer of the watched process.</summary>
/// <param name="Version">Of the protocol.</param>
/// <param name="Error">Why there is no answer, or null.</param>
/// <param name="Pid">The process.</param>
/// <param name="Process">Its program's name.</param>
/// <param name="TimeNs">Its monotonic clock.</param>
/// <param name="Memories">Its memories that may be watched.</param>
internal sealed record WatchedFrame(int Version, string? Error, int Pid, string? Process, long TimeNs, IReadOnlyList<WatchedMemory>? Memories);
