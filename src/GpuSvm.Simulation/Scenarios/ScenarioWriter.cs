// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using GpuSvm.Core.Vm;

namespace GpuSvm.Simulation.Scenarios;

/// <summary>Writes scenarios as <see cref="ScenarioReader"/> reads them.</summary>
public static class ScenarioWriter
{
    /// <summary>Writes one.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <returns>Its text.</returns>
    public static string Write(Scenario scenario)
    {
        ScenarioOptions options = scenario.Options;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"scenario {scenario.Name}\n");
        if (scenario.Title.Length > 0)
            text.Append(CultureInfo.InvariantCulture, $"title {scenario.Title}\n");
        text.Append(CultureInfo.InvariantCulture, $"option gpus={options.Devices} gpu-pages={options.DevicePages} chunk={options.Chunk.Value switch { 0 => "4K", 4 => "64K", _ => "2M" }}");
        foreach ((bool isSet, string word) in ((bool, string)[])[
            (!options.Migrates, "stay-in-ram"),
            (options.PartialUnmap == PartialUnmapMode.Kill, "kill-on-partial-unmap"),
            (options.SharesMappings, "share-mappings"),
            (options.DiscardsLate, "discard-late"),
            (options.IsInKernel, "in-kernel"),
            (options.ClosesFirst, "close-first"),
            (options.ResetsAdvice, "reset-advice"),
            (options.WithoutFaults, "without-faults"),
            (options.KeepFreePages > 0, string.Create(CultureInfo.InvariantCulture, $"keep-free={options.KeepFreePages}")),
            (options.Timeslice > TimeSpan.Zero, string.Create(CultureInfo.InvariantCulture, $"timeslice-ms={options.Timeslice.TotalMilliseconds:f0}")),
        ])
        {
            if (isSet)
                text.Append(' ').Append(word);
        }

        text.Append('\n');
        foreach ((string name, int pages) in scenario.Memories)
            text.Append(CultureInfo.InvariantCulture, $"memory {name} {pages}\n");
        Add(text, "before", scenario.Before);
        foreach (ScenarioThread thread in scenario.Threads)
            Add(text, $"thread {thread.Name}", thread.Operations);
        Add(text, "after", scenario.After);
        return text.ToString();
    }

    /// <summary>Adds a section, if there is something in it.</summary>
    /// <param name="text">Gets it.</param>
    /// <param name="heading">Its first line.</param>
    /// <param name="operations">What is in it.</param>
    private static void Add(StringBuilder text, string heading, IReadOnlyList<ScenarioOperation> operations)
    {
        if (operations.Count == 0)
            return;
        text.Append(heading).Append('\n');
        foreach (ScenarioOperation operation in operations)
            text.Append("  ").Append(operation.Text).Append('\n');
    }
}
