// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Lab.Replay;

/// <summary>The software GPU's page table, watched: what changes it empties the replay's copy of its translations.</summary>
/// <param name="inner">The software GPU's.</param>
/// <param name="blocks">The copy.</param>
/// <param name="device">The device's number.</param>
/// <param name="clock">The time.</param>
/// <param name="model">What an invalidation costs.</param>
internal sealed class ReplayPageTable(IDevicePageTable inner, ReplayBlocks blocks, int device, VirtualClock clock, CostModel model) : IDevicePageTable
{
    private readonly long _invalidation = (long)(model.InvalidationNanoseconds * VirtualClock.PicosecondsPerNanosecond);

    /// <summary>Invalidations that had something to drop.</summary>
    public long Invalidations { get; private set; }

    /// <inheritdoc/>
    public SvmStatus Prepare(AddressRange interval) => inner.Prepare(interval);

    /// <inheritdoc/>
    public void Write(VirtualAddress start, ReadOnlySpan<DeviceAddress> addresses)
    {
        inner.Write(start, addresses);
        long pages = 0;
        foreach (DeviceAddress address in addresses)
            pages += address.Order.Pages;
        blocks.DropTranslations(device, AddressRange.OfPages(start, pages));
    }

    /// <inheritdoc/>
    public AddressRange Zap(AddressRange interval)
    {
        AddressRange zapped = inner.Zap(interval);
        blocks.DropTranslations(device, zapped);
        return zapped;
    }

    /// <inheritdoc/>
    public ulong StartTlbInvalidation(AddressRange interval)
    {
        if (interval.IsEmpty)
            return 0;
        Invalidations++;
        clock.Charge(ReplayCost.Invalidation, _invalidation);
        return inner.StartTlbInvalidation(interval);
    }

    /// <inheritdoc/>
    public void WaitTlbInvalidation(ulong invalidation) => inner.WaitTlbInvalidation(invalidation);

    /// <inheritdoc/>
    public IAccessCounterBuffer? StartAccessCounters(in AccessCounterConfiguration configuration) => null; // They would tell from a thread of their own.

    /// <inheritdoc/>
    public DeviceAddress Lookup(VirtualAddress address) => inner.Lookup(address);

    /// <inheritdoc/>
    public void Dispose() => inner.Dispose();
}
