// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Replay;

/// <summary>What a replay has come to.</summary>
public sealed record ReplayResult
{
    /// <summary>Accesses replayed, of devices and CPU threads.</summary>
    public long Accesses { get; init; }

    /// <summary>Pages that were accessed at least once.</summary>
    public long TouchedPages { get; init; }

    /// <summary>Far faults: accesses of devices for which the handler had to be called.</summary>
    public long DeviceFaults { get; init; }

    /// <summary>Batches that they came in.</summary>
    public long Batches { get; init; }

    /// <summary>Accesses of CPU threads for which pages had to come home.</summary>
    public long CpuFaults { get; init; }

    /// <summary>Bytes copied to devices from RAM.</summary>
    public long BytesToDevice { get; init; }

    /// <summary>Bytes copied to RAM.</summary>
    public long BytesToHost { get; init; }

    /// <summary>Bytes copied from device to device.</summary>
    public long BytesBetweenDevices { get; init; }

    /// <summary>Copies made for all that.</summary>
    public long Copies { get; init; }

    /// <summary>Runs of pages evicted.</summary>
    public long Evictions { get; init; }

    /// <summary>Pages evicted.</summary>
    public long EvictedPages { get; init; }

    /// <summary>Pages that came back to a device after they had been evicted.</summary>
    public long ThrashedPages { get; init; }

    /// <summary>Pages that came to a device unasked: with a fault of another page, or by a prefetch.</summary>
    public long PrefetchedPages { get; init; }

    /// <summary>Of these, pages that were accessed before they left.</summary>
    public long PrefetchedPagesUsed { get; init; }

    /// <summary>Pages that came because they themselves faulted.</summary>
    public long DemandedPages { get; init; }

    /// <summary>Accesses of devices to memory elsewhere.</summary>
    public long RemoteAccesses { get; init; }

    /// <summary>Times that the thrash policy stepped in.</summary>
    public long ThrashingDetected { get; init; }

    /// <summary>Invalidations that took translations away.</summary>
    public long Invalidations { get; init; }

    /// <summary>Accesses that could not be served.</summary>
    public long FailedAccesses { get; init; }

    /// <summary>The first of them: where and why; empty for none.</summary>
    public string FirstFailure { get; init; } = "";

    /// <summary>Modelled time in nanoseconds.</summary>
    public double ModelledNanoseconds { get; init; }

    /// <summary>What it went to, in nanoseconds.</summary>
    public IReadOnlyDictionary<ReplayCost, double> Costs { get; init; } = new Dictionary<ReplayCost, double>();

    /// <summary>Of the pages that came unasked the part that was used; 1 where none came.</summary>
    public double PrefetchAccuracy => PrefetchedPages == 0 ? 1 : (double)PrefetchedPagesUsed / PrefetchedPages;

    /// <summary>Of the pages that were needed on a device the part that was there unasked; 0 where none was needed.</summary>
    public double PrefetchCoverage => PrefetchedPagesUsed + DemandedPages == 0 ? 0 : (double)PrefetchedPagesUsed / (PrefetchedPagesUsed + DemandedPages);

    /// <summary>The part of the modelled time in which the link is busy with copies.</summary>
    public double LinkUse => ModelledNanoseconds == 0 ? 0 : (Cost(ReplayCost.ToDevice) + Cost(ReplayCost.ToHost)) / ModelledNanoseconds;

    /// <summary>What modelled time went to something.</summary>
    /// <param name="cost">What.</param>
    /// <returns>Nanoseconds.</returns>
    public double Cost(ReplayCost cost) => Costs.GetValueOrDefault(cost);
}
