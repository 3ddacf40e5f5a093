// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Scenarios;

/// <summary>The scenarios that come with the explorer: the races of docs/races.md, and some more.</summary>
public static class KnownScenarios
{
    /// <summary>Their names, in order.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. typeof(KnownScenarios).Assembly.GetManifestResourceNames().Order(StringComparer.Ordinal)];

    /// <summary>The text of one.</summary>
    /// <param name="name">Its name; R-1 is R-01, and case does not matter.</param>
    /// <returns>The text, or null if there is none of that name.</returns>
    public static string? TextOf(string name)
    {
        string wanted = name.Length == 3 && char.IsAsciiDigit(name[2]) ? $"{name[..2]}0{name[2]}" : name;
        if (Names.FirstOrDefault(known => known.Equals(wanted, StringComparison.OrdinalIgnoreCase)) is not { } found)
            return null;
        using Stream stream = typeof(KnownScenarios).Assembly.GetManifestResourceStream(found)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>One of them, read.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The scenario, or null if there is none of that name.</returns>
    public static Scenario? Find(string name) => TextOf(name) is { } text ? ScenarioReader.Parse(text) : null;
}
