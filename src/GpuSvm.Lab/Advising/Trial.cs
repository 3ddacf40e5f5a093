// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Advising;

/// <summary>A replay that the advisor makes.</summary>
/// <param name="Settings">The settings.</param>
/// <param name="MostAccesses">How far.</param>
/// <param name="CostModel">What things cost.</param>
/// <param name="Seed">The seed.</param>
internal sealed record Trial(AdvisedSettings Settings, long MostAccesses, string CostModel, long Seed);
