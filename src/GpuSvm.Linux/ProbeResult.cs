// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux;

/// <summary>One line of what this machine can do.</summary>
/// <param name="Name">What was looked at, a few words.</param>
/// <param name="IsOk">Whether it is as real shared memory at its best wants it.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Remedy">The command or setting that changes it; empty if nothing needs to.</param>
public readonly record struct ProbeResult(string Name, bool IsOk, string Detail, string Remedy);
