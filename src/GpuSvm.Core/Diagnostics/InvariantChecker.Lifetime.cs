// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Diagnostics;

/// <content>What lives longer than a fault: claims, pagemaps, subscriptions.</content>
public static partial class InvariantChecker
{
    /// <summary>Checks that no page is still claimed: every migration, whatever became of it, has ended all its claims (INV-35).</summary>
    /// <param name="vm">The VM; nothing else touches its address space.</param>
    /// <param name="interval">Which pages; at most 512 are looked at at a time.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckClaims(GpuVm vm, AddressRange interval, List<string> violations)
    {
        Span<PageEntry> entries = stackalloc PageEntry[PageSize.PagesPerHuge];
        for (VirtualAddress at = interval.Start; at < interval.End; at += PageSize.HugeBytes)
        {
            AddressRange part = new AddressRange(at, at + PageSize.HugeBytes).Intersect(interval);
            vm.Host.ReadEntries(part, entries[..(int)part.Pages]);
            foreach (PageEntry entry in entries[..(int)part.Pages])
            {
                if (entry.IsMigrating)
                    violations.Add(Say("INV-35", $"a page of {part} is claimed by a migration that has ended"));
            }
        }
    }

    /// <summary>Checks a device's pagemap: it keeps its device while it is used, lookups find this one, and a device that has gone holds nothing (INV-36 to INV-38).</summary>
    /// <param name="vm">The VM, which uses the pagemap.</param>
    /// <param name="device">The device.</param>
    /// <param name="quiescent">Whether nothing is in flight.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckPagemap(GpuVm vm, VmDevice device, bool quiescent, List<string> violations)
    {
        Pagemap pagemap = device.Pagemap;
        if (pagemap.References < 1 || !pagemap.HasHold || pagemap.State != PagemapState.Active)
            violations.Add(Say("INV-36", $"the pagemap of device {device.Index} is used with {pagemap.References} references, {(pagemap.HasHold ? "a" : "no")} hold on the device, state {pagemap.State}"));
        DevicePagemaps pagemaps = DevicePagemaps.Of(device.Device);
        if (!pagemaps.Shrinker.IsConsistent())
            violations.Add(Say("INV-36", $"the list of idle pagemaps of device {device.Index} is broken, or holds one that is not idle"));
        if (device.Device.IsUnplugged || !vm.Host.IsAlive)
            return;
        Pagemap? found = pagemaps.CacheFor(vm.Host).GetIfActive();
        if (!ReferenceEquals(found, pagemap))
            violations.Add(Say("INV-37", $"a lookup for device {device.Index} finds another pagemap than the one in use"));
        found?.Put();
        if (quiescent && vm.Host.PageOwner(pagemap.Index) is var owner && !ReferenceEquals(owner, pagemap))
            violations.Add(Say("INV-37", $"index {pagemap.Index} of the address space is not the pagemap's of device {device.Index}"));
    }
}
