// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>One thing that this machine was asked for, as <see cref="SharedMemory.Probe"/> found it.</summary>
/// <param name="Name">A short name, for example "userfaultfd".</param>
/// <param name="Ok">Whether it can be used as it is.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Remedy">The exact command or setting that would enable it; empty where <paramref name="Ok"/>.</param>
public sealed record ProbeResult(string Name, bool Ok, string Detail, string Remedy);
