// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Explaining;

/// <summary>What could help, by what was found. Whether it does, a replay says.</summary>
public static class Suggestions
{
    private const int Most = 24;

    /// <summary>What could help a trace.</summary>
    /// <param name="analysis">The analysis.</param>
    /// <param name="findings">Its costliest intervals.</param>
    /// <param name="settings">Under what it was replayed.</param>
    /// <param name="footprintBytes">What it touches.</param>
    /// <returns>Suggestions, those for the costliest intervals first; never two alike.</returns>
    public static IReadOnlyList<Suggestion> Of(TraceAnalysis analysis, IReadOnlyList<Finding> findings, ReplaySettings settings, long footprintBytes)
    {
        ArgumentNullException.ThrowIfNull(analysis);
        ArgumentNullException.ThrowIfNull(findings);
        ArgumentNullException.ThrowIfNull(settings);
        IEnumerable<Suggestion> local = findings.SelectMany(Of).Concat(PartInRam(findings, settings, footprintBytes));
        Suggestion[] policies = [.. OfPolicies(analysis, settings.Policies)];
        return [.. local.Take(Most - policies.Length), .. policies];
    }

    /// <summary>What could help one interval.</summary>
    /// <param name="found">The interval.</param>
    private static IEnumerable<Suggestion> Of(Finding found)
    {
        switch (found.Pattern)
        {
            case UsePattern.Returning:
                yield return NeverMigrate(found);
                if (found.Use.DeviceAccessBytes > 0 && found.Use.DeviceAccessBytes < found.Use.BytesToDevice / 4)
                    yield return Granularity(found, PageOrder.Medium);
                break;
            case UsePattern.PingPong:
                if (FindingWords.IsMostlyRead(found.Use))
                    yield return Advise(found, "advise read-mostly for", new MemoryAdvice { IsReadMostly = true }, "IsReadMostly = true");
                yield return Advise(found, "pin in RAM:", new MemoryAdvice { Preferred = PreferredLocation.System }, "Preferred = PreferredLocation.System");
                if (found.Kernel.Length > 0)
                    yield return Prefetch(found, everyLaunch: true, home: true);
                break;
            case UsePattern.FalseSharing:
                yield return Granularity(found, PageOrder.Small);
                yield return Granularity(found, PageOrder.Medium);
                break;
            case UsePattern.Unused:
                yield return Granularity(found, PageOrder.Medium);
                yield return NeverMigrate(found);
                break;
            case UsePattern.Streamed:
                yield return Prefetch(found, everyLaunch: false, home: false);
                yield return NeverMigrate(found);
                break;
            case UsePattern.Result when found.Kernel.Length > 0:
                yield return Prefetch(found, everyLaunch: found.Use.Launches > 1, home: true);
                break;
            case UsePattern.Quiet:
                break;
            default:
                yield return Prefetch(found, everyLaunch: false, home: false);
                break;
        }
    }

    /// <summary>To leave in RAM what does not fit beside the rest.</summary>
    /// <param name="findings">The intervals.</param>
    /// <param name="settings">The machine.</param>
    /// <param name="footprintBytes">What is touched.</param>
    private static IEnumerable<Suggestion> PartInRam(IReadOnlyList<Finding> findings, ReplaySettings settings, long footprintBytes)
    {
        long surplus = footprintBytes - settings.DeviceBytesFor(footprintBytes);
        Finding? largest = findings.Where(found => found.Pattern == UsePattern.Returning).MaxBy(found => found.Interval.Bytes);
        if (surplus <= 0 || largest is null || surplus >= largest.Interval.Bytes)
            yield break;
        AddressRange part = new((largest.Interval.End - surplus).AlignDown(PageOrder.Medium), largest.Interval.End);
        if (!largest.Interval.Contains(part) || part == largest.Interval)
            yield break;
        string name = ArrayOf(largest);
        yield return new Suggestion(
            $"leave the last {Format.Size(part.Bytes)} of {largest.Name} in RAM, which is what does not fit",
            $"memory.Advise({name}, start, length, new MemoryAdvice {{ NeverMigrate = true }});")
        {
            Interval = part,
            Advice = new MemoryAdvice { NeverMigrate = true },
        };
    }

    /// <summary>Other policies.</summary>
    /// <param name="analysis">The analysis.</param>
    /// <param name="now">The policies now.</param>
    private static IEnumerable<Suggestion> OfPolicies(TraceAnalysis analysis, ReplayPolicies now)
    {
        TraceTotals totals = analysis.Totals;
        if (totals.DeviceFaults > 1 && now.Prefetch == "none")
            yield return new Suggestion("let the tree prefetcher bring neighbours with each fault", "--prefetch tree") { PolicyKind = "prefetch", Policies = policies => policies with { Prefetch = "tree" } };
        if (totals.BytesReturned > 0)
        {
            foreach (string name in ((string[])["random", "fault-order", "tree", "unused"]).Where(name => name != now.Evict).Take(3))
                yield return new Suggestion($"evict by {name} instead of {now.Evict}", $"--evict {name}") { PolicyKind = "evict", Policies = policies => policies with { Evict = name } };
        }

        if (now.Chunk == "2M" && totals.BytesToRam > 0)
            yield return new Suggestion("move pieces of at most 64 KiB", "--chunk 64K") { PolicyKind = "chunk", Policies = policies => policies with { Chunk = "64K" } };
        else if (now.Chunk != "2M" && totals.DeviceFaults > 1)
            yield return new Suggestion("move pieces of up to 2 MiB", "--chunk 2M") { PolicyKind = "chunk", Policies = policies => policies with { Chunk = "2M" } };
        if (totals.ThrashingDetected > 0 && now.Thrash != "none")
            yield return new Suggestion("let no thrash policy step in", "--thrash none") { PolicyKind = "thrash", Policies = policies => policies with { Thrash = "none" } };
    }

    /// <summary>To leave an interval in RAM.</summary>
    /// <param name="found">The interval.</param>
    private static Suggestion NeverMigrate(Finding found) => Advise(found, "leave in RAM:", new MemoryAdvice { NeverMigrate = true }, "NeverMigrate = true");

    /// <summary>To move smaller pieces.</summary>
    /// <param name="found">The interval.</param>
    /// <param name="order">How small.</param>
    private static Suggestion Granularity(Finding found, PageOrder order) =>
        Advise(found, $"move at most {Format.Size(order.Bytes)} at once of", new MemoryAdvice { Granularity = order }, $"GranularityBytes = {order.Bytes}");

    /// <summary>To advise something.</summary>
    /// <param name="found">For which interval.</param>
    /// <param name="words">What, in words, with the interval's name behind.</param>
    /// <param name="advice">What.</param>
    /// <param name="code">What, in C#.</param>
    private static Suggestion Advise(Finding found, string words, MemoryAdvice advice, string code) =>
        new($"{words} {found.Name}", $"memory.Advise({ArrayOf(found)}, new MemoryAdvice {{ {code} }});") { Interval = found.Interval, Advice = advice };

    /// <summary>To bring an interval before a kernel.</summary>
    /// <param name="found">The interval.</param>
    /// <param name="everyLaunch">Whether before every launch of it.</param>
    /// <param name="home">Whether it goes back after it.</param>
    private static Suggestion Prefetch(Finding found, bool everyLaunch, bool home)
    {
        string kernel = found.Kernel.Length > 0 ? found.Kernel : "its first use";
        string launches = everyLaunch ? $"every {kernel}" : kernel;
        string array = ArrayOf(found);
        string back = home ? $" ... memory.Prefetch({array}, MemoryLocation.System);" : "";
        return new Suggestion($"prefetch {found.Name} before {launches}{(home ? ", and bring it back after it" : "")}", $"memory.Prefetch({array}, MemoryLocation.Device);{back}")
        {
            Interval = found.Interval,
            Prefetches = true,
            BringsHome = home,
            Launch = everyLaunch ? null : found.Use.FirstLaunch,
            Kernel = everyLaunch ? found.Kernel : "",
        };
    }

    /// <summary>What an interval's array may be called in code.</summary>
    /// <param name="found">The interval.</param>
    private static string ArrayOf(Finding found) => found.Allocation is { Name.Length: > 0 } named && named.Name.All(letter => char.IsLetterOrDigit(letter) || letter == '_') ? named.Name : "array";
}
