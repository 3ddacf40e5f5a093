// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Explaining;

/// <summary>When a kernel ran, for a timeline.</summary>
/// <param name="Kernel">Its number in the analysis.</param>
/// <param name="From">When it began, in nanoseconds of the axis.</param>
/// <param name="To">When it ended.</param>
public readonly record struct KernelSpan(int Kernel, long From, long To);
