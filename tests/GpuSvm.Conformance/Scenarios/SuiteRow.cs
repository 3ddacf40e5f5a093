// SPDX-License-Identifier: MIT
namespace GpuSvm.Conformance.Scenarios;

/// <summary>One thing that a public test suite does.</summary>
/// <param name="Name">The suite and what it calls the thing, as scenarios cite it.</param>
/// <param name="What">What that is.</param>
/// <param name="Remark">Why no scenario plays it, beginning with "no: "; or what is different here; empty if there is nothing to say.</param>
public sealed record SuiteRow(string Name, string What, string Remark = "");
