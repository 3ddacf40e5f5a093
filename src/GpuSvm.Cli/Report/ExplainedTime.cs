// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>How long something took, for JSON; in nanoseconds.</summary>
/// <param name="What">What.</param>
/// <param name="Count">How many there were.</param>
/// <param name="P50">What half of them did not exceed.</param>
/// <param name="P90">What nine tenths did not.</param>
/// <param name="P99">What 99 of a hundred did not.</param>
/// <param name="Longest">The longest.</param>
internal sealed record ExplainedTime(string What, long Count, double P50, double P90, double P99, long Longest);
