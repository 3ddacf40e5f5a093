// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Diagnostics;

/// <summary>
/// Walks the live objects of a VM and says which invariants (reference INV-n) do not hold, with what was noticed while it happened since the last check
/// (<see cref="InvariantRecord"/>). The same checker runs after every step of a simulated test and at the end of every real one.
/// </summary>
/// <remarks>It owns the VM while it walks, so no fault is half way; events may still run, and are kept out window by window by the notifier lock. What needs a
/// quiet host side (the page table equals the CPU's translation, INV-16) is checked only where no event can run: pass quiescent.</remarks>
public static partial class InvariantChecker
{
    /// <summary>Checks a VM whose devices nobody else uses.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="quiescent">Whether nothing else touches the address space now: no CPU access, no launch.</param>
    /// <param name="collects">Whether ranges that wait to be collected are collected first; if not, they are checked as they are.</param>
    /// <returns>One sentence for each violation, beginning with the invariant's number; empty if all hold.</returns>
    public static IReadOnlyList<string> Check(GpuVm vm, bool quiescent = true, bool collects = true) => Check([vm], quiescent, collects);

    /// <summary>Checks VMs that together account for everything on their devices: those that share a device, and those that have mapped one another's.</summary>
    /// <param name="vms">The VMs, of one address space.</param>
    /// <param name="quiescent">Whether nothing else touches the address space now: no CPU access, no launch.</param>
    /// <param name="collects">Whether ranges that wait to be collected are collected first; if not, they are checked as they are.</param>
    /// <returns>One sentence for each violation, beginning with the invariant's number; empty if all hold.</returns>
    public static IReadOnlyList<string> Check(IReadOnlyList<GpuVm> vms, bool quiescent = true, bool collects = true)
    {
        if (quiescent)
            DeferredWork.Flush(); // What is put off uses the address space until it is done (INV-23).
        var violations = new List<string>();
        var system = new Dictionary<IGpuDevice, long>();
        long peer = 0;
        for (int i = 0; collects && i < vms.Count; i++)
            vms[i].Collect(); // All before the first is counted: what one brings home is unmapped in the others.
        foreach (GpuVm vm in vms)
            CheckVm(vm, quiescent, system, ref peer, violations);

        InvariantRecord.TakeInto(violations);
        if (!quiescent)
            return violations;
        foreach ((IGpuDevice device, long accounted) in system)
        {
            if (device.DmaMapper is { } mapper && mapper.LivePages != accounted)
                violations.Add(Say("INV-22", $"{device.Name} has {mapper.LivePages} pages mapped for DMA, its pages objects account for {accounted}"));
        }

        long live = system.Keys.Sum(device => device.LivePeerPages);
        if (live != peer)
            violations.Add(Say("INV-22", $"{live} pages are mapped by peers, the pages objects account for {peer}"));
        foreach (GpuVm vm in vms)
        {
            if (vm.Host.Users != 0)
                violations.Add(Say("INV-23", $"{vm.Host.Users} uses of the address space were not ended"));
        }

        return violations;
    }

    /// <summary>Checks one VM.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="quiescent">Whether the host side is quiet.</param>
    /// <param name="system">By device: pages mapped for DMA, added to.</param>
    /// <param name="peer">Pages of peers mapped, added to.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckVm(GpuVm vm, bool quiescent, Dictionary<IGpuDevice, long> system, ref long peer, List<string> violations)
    {
        using (vm.Lock.EnterWrite())
        {
            if (LockOrder.HeldCount > 1)
                violations.Add("INV-24: the checker was called with locks held.");
            var systemOf = new long[vm.Devices.Count];
            var peerOf = new long[vm.Devices.Count];
            VirtualAddress last = default;
            var everything = new AddressRange(default, new VirtualAddress(1UL << 48));
            for (SvmNotifier? notifier = vm.Mirror.FirstNotifier(everything); notifier is not null; notifier = vm.Mirror.NextNotifier(notifier, everything))
            {
                CheckNotifier(vm, notifier, last, violations);
                last = notifier.Interval.End;
                var alive = new List<AddressRange>();
                using (notifier.Lock.EnterWrite())
                using (AllocationWatch.Pause())
                    CheckRangesLocked(vm, notifier, quiescent, systemOf, peerOf, alive, violations);
                foreach (AddressRange range in alive)
                {
                    if (!vm.Host.IsMapped(range)) // Without an event its mapping may only have been cut, by a change of what may be done with a part of it.
                        violations.Add(Say("INV-5", $"range {range} is not inside the mappings that stand where there was one when it was made"));
                }
            }

            for (GpuVma? window = vm.FirstWindow; window is not null; window = window.Next)
            {
                if (window.Userptr is { } userptr)
                    CheckUserptr(vm, userptr, quiescent, systemOf, violations);
            }

            CheckJobs(vm, violations);
            foreach (VmDevice device in vm.Devices)
            {
                system[device.Device] = system.GetValueOrDefault(device.Device) + systemOf[device.Index];
                peer += peerOf[device.Index];
                CheckFrames(vm, device, quiescent, violations);
                CheckPagemap(vm, device, quiescent, violations);
            }
        }
    }

    /// <summary>Checks a window itself: INV-1, INV-2, INV-27, INV-28.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="notifier">The window.</param>
    /// <param name="previousEnd">Where the window before it ends.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckNotifier(GpuVm vm, SvmNotifier notifier, VirtualAddress previousEnd, List<string> violations)
    {
        PageOrder order = vm.Mirror.NotifierOrder;
        if (!notifier.Interval.Start.IsAligned(order) || notifier.Interval.Bytes != order.Bytes)
            violations.Add(Say("INV-1", $"window {notifier.Interval} is not aligned to its size"));
        if (notifier.Interval.Start < previousEnd)
            violations.Add(Say("INV-2", $"window {notifier.Interval} overlaps the one before it"));
        if (!notifier.Subscription.IsSubscribed)
            violations.Add(Say("INV-28", $"window {notifier.Interval} is found and hears of nothing"));
        if ((notifier.Subscription.Sequence & 1) == 0)
            violations.Add(Say("INV-27", $"window {notifier.Interval} holds an even sequence"));
    }

    /// <summary>Checks the ranges of a window: INV-1, INV-3, INV-4, INV-7, INV-14 and what each device's pages must be.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="notifier">The window, its lock held for write.</param>
    /// <param name="quiescent">Whether the host side is quiet.</param>
    /// <param name="system">By device: pages mapped for DMA, added to.</param>
    /// <param name="peer">By device: pages of peers mapped, added to.</param>
    /// <param name="alive">Receives the ranges that must lie in a mapping; the host memory may not be asked here.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckRangesLocked(GpuVm vm, SvmNotifier notifier, bool quiescent, long[] system, long[] peer, List<AddressRange> alive, List<string> violations)
    {
        int count = 0;
        VirtualAddress last = default;
        for (SvmRange? range = notifier.Ranges.First; range is not null; range = range.Next, count++)
        {
            if (!notifier.Interval.Contains(range.Interval) || !vm.Mirror.ChunkOrders.Contains(range.Order) || range.Order.Bytes != range.Interval.Bytes
                || !range.Interval.Start.IsAligned(range.Order))
                violations.Add(Say("INV-3", $"range {range.Interval} does not fit its window or is of no allowed size"));
            if (range.Interval.Start < last || !ReferenceEquals(notifier.Ranges.Find(range.Interval.Start), range))
                violations.Add(Say("INV-4", $"range {range.Interval} overlaps another, or tree and list disagree"));
            last = range.Interval.End;
            if (range.References < 1)
                violations.Add(Say("INV-7", $"range {range.Interval} is linked without a reference"));
            if (range.IsPartiallyUnmapped && !range.IsUnmapped)
                violations.Add(Say("INV-14", $"range {range.Interval} is partly unmapped but not unmapped"));
            if (quiescent && !range.IsUnmapped)
                alive.Add(range.Interval);
            if (quiescent)
                CheckClaims(vm, range.Interval, violations);
            foreach (VmDevice device in vm.Devices)
                CheckPagesLocked(vm, device, (GpuRange)range, quiescent, system, peer, violations);
        }

        if (count == 0)
            violations.Add(Say("INV-1", $"window {notifier.Interval} has no range"));
    }

    /// <summary>Makes a sentence.</summary>
    /// <param name="invariant">Its number.</param>
    /// <param name="text">What is wrong.</param>
    /// <returns>The sentence.</returns>
    private static string Say(string invariant, FormattableString text) => invariant + ": " + text.ToString(CultureInfo.InvariantCulture) + ".";
}
