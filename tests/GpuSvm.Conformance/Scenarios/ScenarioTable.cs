// SPDX-License-Identifier: MIT
namespace GpuSvm.Conformance.Scenarios;

/// <summary>All scenarios.</summary>
public static class ScenarioTable
{
    private static readonly Dictionary<string, Scenario> _byName = new Scenario[][]
    {
        [.. AllocatorScenarios.All], [.. PartialUnmapScenarios.All], [.. UserptrScenarios.All], [.. AdviceScenarios.All],
        [.. SeveralGpuScenarios.All], [.. MigrationScenarios.All],
    }.SelectMany(scenarios => scenarios).ToDictionary(scenario => scenario.Name);

    /// <summary>The scenarios, by theme.</summary>
    public static IReadOnlyCollection<Scenario> All => _byName.Values;

    /// <summary>The scenario of a name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The scenario.</returns>
    public static Scenario Find(string name) => _byName[name];
}
