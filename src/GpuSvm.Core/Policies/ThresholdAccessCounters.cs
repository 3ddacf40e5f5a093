// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Policies;

/// <summary>
/// Pages in RAM that a device has used a number of times come to it, unless they have just left a device. Where something would have to leave for them they are used 31 times as often before:
/// by then working in RAM has cost about as much as moving both. Pages that come and soon leave again rest twice as long each time, up to 2.6 s.
/// </summary>
/// <remarks>Threshold and batch are those of NVIDIA's open kernel modules (uvm_gpu_access_counters.c: 256 and 256, regions of 2 MiB).</remarks>
public sealed class ThresholdAccessCounters : IAccessCounterPolicy
{
    private const int MaxDoublings = 8;
    private const int RefusalsOfFullDevice = 4; // Threshold times 1 + 2 + 4 + 8 + 16.

    private static readonly TimeSpan _rest = TimeSpan.FromMilliseconds(10);

    /// <summary>Makes the policy.</summary>
    /// <param name="threshold">Accesses of a region that bring it.</param>
    /// <param name="granularity">The size of the regions: 64 KiB or 2 MiB; null for the latter.</param>
    /// <param name="batch">Notifications that are taken at once.</param>
    public ThresholdAccessCounters(int threshold = 256, PageOrder? granularity = null, int batch = 256)
    {
        Threshold = threshold;
        Granularity = granularity ?? PageOrder.Huge;
        Batch = batch;
    }

    /// <inheritdoc/>
    public int Threshold { get; }

    /// <inheritdoc/>
    public PageOrder Granularity { get; }

    /// <inheritdoc/>
    public int Batch { get; }

    /// <inheritdoc/>
    public AccessCounterAction Answer(in AccessCounterFacts facts)
    {
        bool isQuarrel = facts.SinceReturn < _rest * (1 << Math.Clamp(facts.Undone, 0, MaxDoublings));
        bool isTooDear = facts.FreeBytes < facts.RemoteBytes && facts.Refusals < RefusalsOfFullDevice;
        bool belongsElsewhere = facts.PeerBytes > 0 || facts.IsAccessedBy; // Another device may use them as much.
        return isQuarrel || isTooDear || belongsElsewhere ? AccessCounterAction.Leave : AccessCounterAction.Migrate;
    }
}
