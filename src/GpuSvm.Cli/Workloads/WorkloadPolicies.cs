// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Workloads;

/// <summary>By which policies pages come and go during a run.</summary>
/// <param name="Prefetch">What else comes with a fault.</param>
/// <param name="Eviction">What leaves a full device.</param>
/// <param name="ChunkBytes">The largest piece that moves at once.</param>
internal sealed record WorkloadPolicies(PrefetchPolicy Prefetch, EvictionPolicy Eviction, int ChunkBytes);
