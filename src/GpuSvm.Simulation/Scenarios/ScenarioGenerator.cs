// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Scenarios;

/// <summary>Makes random scenarios: a few pages, two or three threads, a few operations each. The same for a seed everywhere.</summary>
public static class ScenarioGenerator
{
    private static readonly string[] _common = ["cpu.read", "cpu.write", "gpu.read", "gpu.write", "prefetch", "evict", "collect"];
    private static readonly string[] _rare = ["unmap", "map", "discard", "protect", "share", "advise", "use", "remap", "unplug", "exclusive", "reap"];

    /// <summary>Makes one.</summary>
    /// <param name="seed">Which.</param>
    /// <returns>Its text, as <see cref="ScenarioReader"/> takes it.</returns>
    public static string MakeText(ulong seed)
    {
        var random = new ScheduleRandom(seed);
        int pages = 1 + random.Below(2);
        int gpus = random.Below(4) == 0 ? 2 : 1;
        string rare = _rare[random.Below(_rare.Length)];
        bool hasRare = random.Below(3) != 0;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"scenario random-{seed}\n");
        text.Append(CultureInfo.InvariantCulture, $"option gpus={gpus} gpu-pages={1 + random.Below(4)} chunk={(random.Below(2) == 0 ? "4K" : "64K")}\n");
        if (random.Below(5) == 0)
            text.Append("option share-mappings\n");
        if (random.Below(5) == 0)
            text.Append("option kill-on-partial-unmap\n");
        text.Append(CultureInfo.InvariantCulture, $"memory A {pages}\n");
        if (hasRare && rare == "remap")
            text.Append(CultureInfo.InvariantCulture, $"memory B {pages}\n");
        text.Append("before\n");
        for (int page = 0; page < pages; page++)
            text.Append(CultureInfo.InvariantCulture, $"  {(random.Below(2) == 0 ? "cpu" : "gpu")}.write A{page}{Allowance(hasRare, rare)}\n");
        int threads = 2 + (random.Below(3) == 0 ? 1 : 0);
        for (int thread = 0; thread < threads; thread++)
        {
            text.Append(CultureInfo.InvariantCulture, $"thread t{thread}\n");
            int operations = 1 + random.Below(3);
            for (int i = 0; i < operations; i++)
                AddOperation(text, ref random, hasRare && (thread == 1) && i == 0 ? rare : _common[random.Below(_common.Length)], pages, gpus, Allowance(hasRare, rare));
        }

        return text.ToString();
    }

    /// <summary>Adds a line.</summary>
    /// <param name="text">Gets it.</param>
    /// <param name="random">Chooses.</param>
    /// <param name="word">The operation.</param>
    /// <param name="pages">Pages of memory A.</param>
    /// <param name="gpus">Devices.</param>
    /// <param name="allowance">What operations may answer here beside the usual.</param>
    private static void AddOperation(StringBuilder text, ref ScheduleRandom random, string word, int pages, int gpus, string allowance)
    {
        int page = random.Below(pages);
        int gpu = random.Below(gpus);
        string line = word switch
        {
            "gpu.read" or "gpu.write" => $"gpu{gpu}{word[3..]} A{page}{allowance}",
            "cpu.read" or "cpu.write" => $"{word} A{page}{allowance}",
            "prefetch" => random.Below(3) == 0 ? $"prefetch A to cpu{Broad}" : $"prefetch A to gpu{gpu}{Broad}",
            "evict" => $"evict gpu{gpu}",
            "collect" => "collect",
            "protect" => $"protect A{page} {(random.Below(2) == 0 ? "none" : "read")}",
            "share" => $"share A{page} -> done | not-mapped | retry | busy | not-supported",
            "advise" => $"advise A {(random.Below(3) switch { 0 => "read-mostly", 1 => "system", _ => "pinned" })}",
            "use" => $"use A{Broad}",
            "remap" => $"remap A{page} to B{page}",
            "unplug" => $"unplug gpu{gpu} -> done | busy | retry",
            "exclusive" => $"exclusive A{page} gpu{gpu}{Broad}",
            "reap" => "reap -> done | busy",
            "map" => $"map A{page}",
            _ => $"{word} A{page}",
        };
        text.Append("  ").Append(line).Append('\n');
    }

    /// <summary>What a prefetch and the like may answer.</summary>
    private const string Broad = " -> done | busy | retry | out-of-device-memory | not-mapped | not-migratable | read-only | device-gone | process-gone | not-supported | unmapped";

    /// <summary>What accesses may answer in a scenario with a rare operation.</summary>
    /// <param name="hasRare">Whether there is one.</param>
    /// <param name="rare">Which.</param>
    /// <returns>The end of a line.</returns>
    private static string Allowance(bool hasRare, string rare) => hasRare
        ? rare switch
        {
            "unmap" or "map" or "remap" => " -> done | not-mapped",
            "protect" => " -> done | read-only | not-mapped",
            "unplug" => " -> done | device-gone",
            "reap" => " -> done | process-gone | not-mapped",
            _ => string.Empty,
        }
        : string.Empty;
}
