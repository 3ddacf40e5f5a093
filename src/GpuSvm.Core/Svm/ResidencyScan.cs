// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Svm;

/// <summary>
/// Tells where the pages of an interval are without faulting any in, so that a pointless migration can be left out. Kernel: drm_gpusvm_scan_mm, which looks at whole
/// ranges only and never stops early.
/// </summary>
/// <remarks>The answer is advice: it is consistent for the moment at which the sequence was compared, and may be stale on return.</remarks>
public static class ResidencyScan
{
    private const int MaxPasses = 64;

    /// <summary>Scans an interval.</summary>
    /// <param name="notifier">A notifier that watches it.</param>
    /// <param name="host">The address space.</param>
    /// <param name="interval">Page aligned, inside the notifier's interval, of any length: a part of a range, or several.</param>
    /// <param name="owner">Device pages of this owner group are seen; those of others count as nowhere.</param>
    /// <param name="pagemap">The pagemap asked about; null for none: then pages in system memory are <see cref="ScanResult.System"/> and nothing is equal.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="earlyOut">Whether to stop at the first page that is not in the pagemap: the answer is then Equal, or what was found up to there.</param>
    /// <returns>The result; <see cref="ScanResult.Unpopulated"/> also where the interval could not be looked at, or changed all the time.</returns>
    /// <remarks>Locking: takes Host shared and Notifier shared, not together; must hold neither.</remarks>
    public static ScanResult Scan(
        SvmNotifier notifier, HostAddressSpace host, AddressRange interval, int owner, IDevicePageOwner? pagemap, HostWorkspace workspace, bool earlyOut = false)
    {
        for (int pass = 0; pass < MaxPasses; pass++)
        {
            long sequence = host.ReadBegin(notifier.Subscription);
            ScanResult? result = ScanOnce(host, interval, owner, pagemap, workspace, earlyOut);
            using (notifier.Lock.EnterRead())
            {
                if (!notifier.Subscription.ReadRetry(sequence))
                    return result ?? ScanResult.Unpopulated;
            }
        }

        return ScanResult.Unpopulated;
    }

    /// <summary>One pass over the interval, block by block.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="interval">The interval.</param>
    /// <param name="owner">The owner group seen.</param>
    /// <param name="pagemap">The pagemap asked about.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="earlyOut">Whether to stop at the first page elsewhere.</param>
    /// <returns>The result; null for an empty interval.</returns>
    private static ScanResult? ScanOnce(
        HostAddressSpace host, AddressRange interval, int owner, IDevicePageOwner? pagemap, HostWorkspace workspace, bool earlyOut)
    {
        ScanResult? state = null;
        int other = -1; // The other pagemap seen.
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            AddressRange block = at.Block(PageOrder.Huge).Intersect(new AddressRange(at, interval.End));
            at = block.End;
            if (HmmRange.Snapshot(host, block, owner, workspace) != SvmStatus.Done)
                return ScanResult.Unpopulated;
            for (int page = 0; page < (int)block.Pages; page++)
            {
                HmmFrame frame = workspace.Frames[page];
                if (!frame.IsValid)
                    return ScanResult.Unpopulated;
                state = Combine(state, Classify(host, frame, pagemap, ref other));
                if (earlyOut && state != ScanResult.Equal)
                    return state;
            }
        }

        return state;
    }

    /// <summary>What one page says.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="frame">The page.</param>
    /// <param name="pagemap">The pagemap asked about.</param>
    /// <param name="other">The other pagemap seen so far, -1 for none.</param>
    /// <returns>Equal, Other, System, or MixedDevice for a second other pagemap.</returns>
    private static ScanResult Classify(HostAddressSpace host, HmmFrame frame, IDevicePageOwner? pagemap, ref int other)
    {
        if (!frame.IsDevice)
            return ScanResult.System;
        if (pagemap is not null && ReferenceEquals(host.PageOwner(frame.Pagemap), pagemap))
            return ScanResult.Equal;
        if (other >= 0 && other != frame.Pagemap)
            return ScanResult.MixedDevice;
        other = frame.Pagemap;
        return ScanResult.Other;
    }

    /// <summary>Adds a page to the running state: a disagreement in which system memory takes part is mixed, any other mixes devices; mixed stays.</summary>
    /// <param name="state">The state so far; null before the first page.</param>
    /// <param name="page">What the page says.</param>
    /// <returns>The state.</returns>
    private static ScanResult Combine(ScanResult? state, ScanResult page)
    {
        if (state is not { } before || before == page)
            return page;
        return before == ScanResult.Mixed || before == ScanResult.System || page == ScanResult.System ? ScanResult.Mixed : ScanResult.MixedDevice;
    }
}
