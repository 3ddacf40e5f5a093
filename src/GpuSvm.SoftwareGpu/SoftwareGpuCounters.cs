// SPDX-License-Identifier: MIT
namespace GpuSvm.SoftwareGpu;

/// <summary>What a software GPU has done since it was made. Read while it runs, the values are each recent, not all of one moment.</summary>
/// <param name="Launches">Launches started.</param>
/// <param name="Groups">Groups run.</param>
/// <param name="Translations">Translations that kernels asked for.</param>
/// <param name="TlbMisses">Of these, those that had to walk the page table.</param>
/// <param name="Faults">Faults raised, replays that faulted again included.</param>
public readonly record struct SoftwareGpuCounters(long Launches, long Groups, long Translations, long TlbMisses, long Faults)
{
    /// <summary>Translations that the TLB answered.</summary>
    public long TlbHits => Translations - TlbMisses;
}
