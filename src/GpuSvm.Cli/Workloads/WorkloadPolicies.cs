// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Workloads;

/// <summary>How the shared memory of a run behaves.</summary>
/// <param name="Prefetch">What else comes with a fault.</param>
/// <param name="Eviction">What leaves a full device.</param>
/// <param name="ChunkBytes">The largest piece that moves at once.</param>
/// <param name="Thrash">What becomes of pages that go to and fro.</param>
/// <param name="KeepFreeBytes">Device memory to keep free.</param>
/// <param name="WithoutFaults">Whether the device raises no faults, and launches name their arrays.</param>
/// <param name="Monitor">Whether `gpusvm top` may watch; null for what the environment says.</param>
/// <param name="AccessCounters">What comes because it is hot.</param>
/// <param name="TracePath">The trace that the run is recorded into; null for what the environment says.</param>
/// <param name="ComputeUnits">Compute units of the GPU; 0 for one a processor.</param>
internal sealed record WorkloadPolicies(PrefetchPolicy Prefetch, EvictionPolicy Eviction, int ChunkBytes, ThrashPolicy Thrash = ThrashPolicy.BackOff, long KeepFreeBytes = 0, bool WithoutFaults = false, bool? Monitor = null, AccessCounterPolicy AccessCounters = AccessCounterPolicy.None,
    string? TracePath = null, int ComputeUnits = 0);
