// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Explaining;

/// <summary>What happened to an interval, and what to try, in words.</summary>
internal static class FindingWords
{
    /// <summary>The words of an interval.</summary>
    /// <param name="pattern">Its pattern.</param>
    /// <param name="use">What became of it.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="kernel">The kernel in which a device first touched it; empty for none.</param>
    /// <returns>What happened and what to try, each a sentence without a full stop.</returns>
    public static (string What, string Remedy) Of(UsePattern pattern, BlockUse use, long bytes, string kernel)
    {
        string size = Format.Size(bytes);
        string before = kernel.Length > 0 ? $"before {kernel}" : "before the first kernel that uses it";
        string after = kernel.Length > 0 ? $"after {kernel}" : "after the kernel";
        string faults = Faults(use);
        return pattern switch
        {
            UsePattern.Returning => (
                $"these {size} had to make room and came back {Times(use.BytesReturned, bytes)} within {Format.Time(use.LastReturn - use.FirstReturn)} ({faults}): together with what else is in use it is larger than the device's memory",
                use.DeviceAccessBytes > 0 && use.DeviceAccessBytes < use.BytesToDevice / 4
                    ? "a device uses little of what comes: leave it in RAM (never migrate), or move smaller pieces"
                    : "another eviction policy, or leave a part of it in RAM so that the rest stays"),
            UsePattern.PingPong => (
                $"these {size} moved {Times(use.BytesToDevice + use.BytesFetchedHome, bytes)} between CPU and GPU: {Times(use.BytesToDevice, bytes)} over and {Times(use.BytesFetchedHome, bytes)} back ({faults})",
                IsMostlyRead(use) ? "both mostly read it: advise read-mostly, so that each has a copy" : "pin it in RAM, where the device reaches it, or bring it in one piece before each kernel and back after it"),
            UsePattern.FalseSharing => (
                use.DeviceReads + use.DeviceWrites + use.DeviceFaults == 0
                    ? $"these {size} moved {Times(use.BytesToDevice + use.BytesFetchedHome, bytes)} between CPU and GPU, and no device touched them: they lie beside memory that one uses ({faults})"
                    : $"these {size} moved {Times(use.BytesToDevice + use.BytesFetchedHome, bytes)} between CPU and GPU, although CPU threads and the device touch different pages of them ({faults})",
                "false sharing within what moves together: advise a smaller granularity, or lay the two parts out apart"),
            UsePattern.Unused => (
                $"{Format.Size(use.BytesToDevice)} of it came to the device, and it used little of that ({Format.Size(use.DeviceAccessBytes)} accessed, {faults})",
                "advise a smaller granularity, or leave it in RAM"),
            UsePattern.Remote => (
                $"a device reached it {Format.Count(use.RemoteAccesses)} times in RAM instead of having it{(use.ThrashingDetected > 0 ? ", because the thrash policy had stepped in" : "")}",
                $"bring it {before}, or try another thrash policy"),
            UsePattern.Streamed => (
                $"these {size} were read once{(kernel.Length > 0 ? $", by {kernel}," : "")} after a CPU thread had written them: {faults}",
                $"streamed once: prefetch {before}, or do not migrate at all"),
            UsePattern.ReadOnly => (
                $"written by a CPU thread, then only read by the device, {Times(use.DeviceAccessBytes, bytes)} over: {faults}",
                $"prefetch {before}, so that it comes without faults"),
            UsePattern.Result => (
                $"the device writes it and a CPU thread fetches it: {faults}, {Format.Size(use.BytesFetchedHome)} fetched",
                $"prefetch {before}, and bring it back in one piece {after}"),
            UsePattern.DeviceOnly => ($"only the device uses these {size}: {faults} to get them there", $"prefetch {before}, or let more come with each fault"),
            _ => ($"{Format.Size(use.BytesToDevice)} came to the device and {Format.Size(use.BytesToRam)} left it again: {faults}", $"prefetch {before}, so that it comes without faults"),
        };
    }

    /// <summary>Whether writes are few, once a device has begun.</summary>
    /// <param name="use">What became of it.</param>
    public static bool IsMostlyRead(BlockUse use) =>
        use.DeviceReads + use.CpuReadsAfter > 0 && (use.DeviceWrites + use.CpuWritesAfter) * 16 <= use.DeviceReads + use.CpuReadsAfter;

    /// <summary>How often something went over an interval.</summary>
    /// <param name="moved">Bytes that moved.</param>
    /// <param name="bytes">Bytes of the interval.</param>
    /// <returns>"once", "17 times", "2.5 times".</returns>
    private static string Times(long moved, long bytes)
    {
        double times = (double)moved / Math.Max(bytes, 1);
        string number = times >= 10 ? Format.Count((long)Math.Round(times)) : times.ToString("0.#", CultureInfo.InvariantCulture);
        return number switch { "1" => "once", "0" => "less than once", _ => $"{number} times" };
    }

    /// <summary>The faults on an interval.</summary>
    /// <param name="use">What became of it.</param>
    /// <returns>"12 GPU faults and 3 CPU faults".</returns>
    private static string Faults(BlockUse use) =>
        use.CpuFaults == 0 ? Format.Count(use.DeviceFaults, "GPU fault") : $"{Format.Count(use.DeviceFaults, "GPU fault")} and {Format.Count(use.CpuFaults, "CPU fault")}";
}
