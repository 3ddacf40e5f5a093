// SPDX-License-Identifier: MIT
using GpuSvm.Conformance.Scenarios;

namespace GpuSvm.Core.Tests;

/// <summary>Every row of the suites has a scenario or a reason, and docs/scenarios.md says which.</summary>
public sealed class ScenarioTableTests
{
    /// <summary>A row without a scenario says why, and one that says why has none.</summary>
    [Fact]
    public void ARowHasAScenarioOrSaysWhyNot() => Assert.Empty(SuiteRows.All
        .Where(row => SuiteRows.ScenariosOf(row).Any() == row.Remark.StartsWith("no: ", StringComparison.Ordinal)).Select(row => row.Name));

    /// <summary>A scenario cites rows that exist.</summary>
    [Fact]
    public void AScenarioCitesRowsThatExist() => Assert.Empty(ScenarioTable.All
        .SelectMany(scenario => scenario.Covers.Split("; ")).Distinct().Except(SuiteRows.All.Select(row => row.Name)));

    /// <summary>The page is the one that the table gives.</summary>
    [Fact]
    public void ThePageIsTheTables()
    {
        string page = SuiteRows.Page();
        if (Environment.GetEnvironmentVariable("GPUSVM_WRITE_SCENARIOS") is { Length: > 0 } path)
            File.WriteAllText(path, page);
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "GpuSvm.slnx")))
            folder = folder.Parent;
        Assert.SkipWhen(folder is null, "The tests run outside the repository.");
        Assert.Equal(File.ReadAllText(Path.Combine(folder!.FullName, "docs/scenarios.md")), page);
    }
}
