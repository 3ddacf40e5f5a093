// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Watch;

/// <summary>One frame of `gpusvm top`.</summary>
/// <param name="Pid">The process.</param>
/// <param name="Process">Its program's name.</param>
/// <param name="Seconds">The time that the rates are of.</param>
/// <param name="Memories">Its memories that may be watched.</param>
internal sealed record TopFrame(int Pid, string Process, double Seconds, IReadOnlyList<TopMemory> Memories)
{
    /// <summary>Makes it of two answers.</summary>
    /// <param name="before">The earlier one.</param>
    /// <param name="now">The later one.</param>
    public static TopFrame Between(WatchedFrame before, WatchedFrame now)
    {
        var seconds = Math.Max(1e-6, (now.TimeNs - before.TimeNs) * 1e-9);
        return new TopFrame(
            now.Pid, now.Process ?? "", Math.Round(seconds, 3),
            [.. now.Memories!.Select(memory => TopMemory.Between(before.Memories!.FirstOrDefault(earlier => earlier.Id == memory.Id), memory, seconds))]);
    }
}
