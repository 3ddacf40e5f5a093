// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Bench;

/// <summary>How to measure.</summary>
/// <param name="Quick">Whether to cut sizes and rounds down.</param>
/// <param name="FaulterCpu">Where the faulting thread is pinned in the pinned rows.</param>
/// <param name="HandlerCpu">Where the library's threads are pinned in the pinned rows.</param>
/// <param name="Memory">What this machine has: real or portable.</param>
/// <param name="MemoryReason">Why it is portable; empty for real memory.</param>
/// <param name="Ranges">The largest number of ranges that their bookkeeping is measured with.</param>
internal sealed record BenchSettings(bool Quick, int FaulterCpu, int HandlerCpu, MemoryKind Memory, string MemoryReason, int Ranges);
