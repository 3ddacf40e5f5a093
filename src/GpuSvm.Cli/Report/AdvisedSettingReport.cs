// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>One advised setting, for JSON.</summary>
/// <param name="Option">As an option of `gpusvm replay`.</param>
/// <param name="LostNanoseconds">How much longer the trace takes without it alone; null where it cannot be replayed.</param>
internal sealed record AdvisedSettingReport(string Option, double? LostNanoseconds);
