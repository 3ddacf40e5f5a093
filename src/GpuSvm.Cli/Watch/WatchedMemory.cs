// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Watch;

/// <summary>One shared memory of the watched process: sums since it was opened, and what is now.</summary>
/// <param name="Id">Its number in the process, from 1.</param>
/// <param name="Kind">real or portable.</param>
/// <param name="HeapBytes">Allocated now.</param>
/// <param name="AwayBytes">Of these, what the CPU does not have now.</param>
/// <param name="DeviceBytesUsed">Device memory in use.</param>
/// <param name="DeviceBytesTotal">The device memory's size.</param>
/// <param name="Ranges">Ranges now.</param>
/// <param name="GpuFaults">GPU faults.</param>
/// <param name="GpuFaultsFailed">Of these, refused.</param>
/// <param name="CpuFaults">CPU faults.</param>
/// <param name="BytesToDevice">Bytes migrated to the device.</param>
/// <param name="BytesToRam">Bytes migrated to RAM.</param>
/// <param name="Evictions">Blocks pushed out.</param>
/// <param name="Invalidations">Events that took mappings away.</param>
/// <param name="EventsDropped">Events that the blocks know nothing of, since watching began.</param>
/// <param name="GpuFaultNs">Buckets of the histogram of GPU fault times, without empty ones at the end.</param>
/// <param name="CpuFaultNs">The same of CPU faults.</param>
/// <param name="WindowSeconds">How long a time the blocks tell of.</param>
/// <param name="Blocks">The hottest ones, the hottest first.</param>
internal sealed record WatchedMemory(
    int Id, string Kind, long HeapBytes, long AwayBytes, long DeviceBytesUsed, long DeviceBytesTotal, long Ranges, long GpuFaults, long GpuFaultsFailed, long CpuFaults,
    long BytesToDevice, long BytesToRam, long Evictions, long Invalidations, long EventsDropped, IReadOnlyList<long> GpuFaultNs, IReadOnlyList<long> CpuFaultNs,
    double WindowSeconds, IReadOnlyList<WatchedBlock> Blocks);
