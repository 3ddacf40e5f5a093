// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux;

/// <summary>What a <see cref="UserfaultHostMemory"/> has seen so far.</summary>
/// <param name="CpuFaults">Touches of pages that were not there or not writable.</param>
/// <param name="FailedFaults">Of these, refused: each ended in a signal at the touching thread.</param>
/// <param name="UnmapEvents">Intervals the program unmapped itself.</param>
/// <param name="DiscardEvents">Intervals whose contents the program gave up.</param>
/// <param name="MoveEvents">Mappings the program moved to other addresses.</param>
/// <param name="EventWaits">Operations that had to wait until an event was read.</param>
/// <param name="EventRescues">Times the spare reader was called.</param>
/// <param name="AllocatedBytes">Allocated now.</param>
/// <param name="PooledBytes">Staging pages kept for reuse now.</param>
public readonly record struct UserfaultStatistics(
    long CpuFaults,
    long FailedFaults,
    long UnmapEvents,
    long DiscardEvents,
    long MoveEvents,
    long EventWaits,
    long EventRescues,
    long AllocatedBytes,
    long PooledBytes);
