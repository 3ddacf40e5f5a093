// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>What this machine can do.</summary>
/// <param name="Memory">What `run` will use: "real" or "portable".</param>
/// <param name="MemoryReason">Why it is portable and how to enable the real one; empty for real memory.</param>
/// <param name="Checks">Each thing looked at.</param>
internal sealed record DoctorReport(string Memory, string MemoryReason, IReadOnlyList<ProbeResult> Checks);
