// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Explaining;

namespace GpuSvm.Cli.Report;

/// <summary>A costly interval, for JSON.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Start">Its first address.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Pattern">What kind of trouble it has.</param>
/// <param name="CostNanoseconds">Time that went to it.</param>
/// <param name="Kernel">The kernel in which a device first touched it; empty for none.</param>
/// <param name="What">What happened.</param>
/// <param name="Remedy">What to try.</param>
/// <param name="Use">The figures.</param>
internal sealed record ExplainedInterval(string Name, string Start, long Bytes, string Pattern, double CostNanoseconds, string Kernel, string What, string Remedy, BlockUse Use);
