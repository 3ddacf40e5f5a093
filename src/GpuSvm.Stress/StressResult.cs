// SPDX-License-Identifier: MIT
namespace GpuSvm.Stress;

/// <summary>What runs of a scenario on real memory have come to.</summary>
/// <param name="Failed">The first run that failed; null if none did.</param>
/// <param name="Progress">How far it came.</param>
public sealed record StressResult(StressFailure? Failed, StressProgress Progress);
