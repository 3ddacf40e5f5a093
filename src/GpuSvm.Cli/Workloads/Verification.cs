// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Workloads;

/// <summary>What the comparison with the plain CPU run came to.</summary>
/// <param name="Ok">Whether everything agreed.</param>
/// <param name="Detail">What was compared and how, or the first difference.</param>
internal readonly record struct Verification(bool Ok, string Detail);
