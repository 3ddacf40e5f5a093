// SPDX-License-Identifier: MIT
using System.Globalization;

namespace GpuSvm.Traces;

/// <summary>What a recorded run depended on beside what it did: kept as properties of the trace's header, so that a replay can be given the same.</summary>
public sealed record RecordedSettings
{
    private const string Mark = "recorded"; // The property that says that the others are there.

    /// <summary>"real", "portable" or "simulated".</summary>
    public required string Memory { get; init; }

    /// <summary>What the host memory promised: the bits of HostMemoryCapabilities.</summary>
    public required int Capabilities { get; init; }

    /// <summary>The largest piece that moved at once: "2M", "64K" or "4K".</summary>
    public string Chunk { get; init; } = "2M";

    /// <summary>The most that a first touch made present: as <see cref="Chunk"/>.</summary>
    public string FirstTouch { get; init; } = "2M";

    /// <summary>Whether pages moved to devices on first touch.</summary>
    public bool Migrates { get; init; } = true;

    /// <summary>The prefetch policy's name.</summary>
    public string Prefetch { get; init; } = "none";

    /// <summary>The eviction policy's name.</summary>
    public string Evict { get; init; } = "unused";

    /// <summary>The thrash policy's name.</summary>
    public string Thrash { get; init; } = "back-off";

    /// <summary>Compute units of each device.</summary>
    public int ComputeUnits { get; init; } = 1;

    /// <summary>What else went on that a replay does not do, in words; empty for nothing.</summary>
    public string Beside { get; init; } = "";

    /// <summary>Of the accesses of devices that did not fault, every so many-th was recorded; 0 for first uses only.</summary>
    public int AccessesEvery { get; init; }

    /// <summary>The settings as properties of a header.</summary>
    /// <returns>The properties.</returns>
    public Dictionary<string, string> ToProperties() => new(StringComparer.Ordinal)
    {
        [Mark] = "1",
        ["memory"] = Memory,
        ["capabilities"] = Capabilities.ToString(CultureInfo.InvariantCulture),
        ["chunk"] = Chunk,
        ["first-touch"] = FirstTouch,
        ["migrates"] = Migrates ? "1" : "0",
        ["prefetch"] = Prefetch,
        ["evict"] = Evict,
        ["thrash"] = Thrash,
        ["compute-units"] = ComputeUnits.ToString(CultureInfo.InvariantCulture),
        ["beside"] = Beside,
        ["accesses-every"] = AccessesEvery.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Finds the settings in a header.</summary>
    /// <param name="header">The header.</param>
    /// <returns>The settings; null for a trace that is no recording.</returns>
    public static RecordedSettings? Of(TraceHeader header)
    {
        IReadOnlyDictionary<string, string> properties = header.Properties;
        if (!properties.ContainsKey(Mark))
            return null;
        var defaults = new RecordedSettings { Memory = "", Capabilities = 0 };
        return new RecordedSettings
        {
            Memory = properties.GetValueOrDefault("memory", ""),
            Capabilities = NumberOf(properties, "capabilities", 0),
            Chunk = properties.GetValueOrDefault("chunk", defaults.Chunk),
            FirstTouch = properties.GetValueOrDefault("first-touch", defaults.FirstTouch),
            Migrates = NumberOf(properties, "migrates", 1) != 0,
            Prefetch = properties.GetValueOrDefault("prefetch", defaults.Prefetch),
            Evict = properties.GetValueOrDefault("evict", defaults.Evict),
            Thrash = properties.GetValueOrDefault("thrash", defaults.Thrash),
            ComputeUnits = NumberOf(properties, "compute-units", 1),
            Beside = properties.GetValueOrDefault("beside", ""),
            AccessesEvery = NumberOf(properties, "accesses-every", 0),
        };
    }

    /// <summary>A property that is a number.</summary>
    /// <param name="properties">The properties.</param>
    /// <param name="name">Its name.</param>
    /// <param name="otherwise">What it is where it is missing, or no number.</param>
    /// <returns>The number.</returns>
    private static int NumberOf(IReadOnlyDictionary<string, string> properties, string name, int otherwise) =>
        properties.TryGetValue(name, out string? text) && int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int number) ? number : otherwise;
}
