// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;

namespace GpuSvm.Core.Vm;

/// <summary>Brings what a prefetch policy wants beside a fault: in the fault's own migration where it can be, else after it.</summary>
/// <remarks>
/// The policy is asked once, when it is clear that the fault's range moves and before it does. Neighbours that would move by a fault of their own, are advised alike and lie side by side
/// with the range inside its 2 MiB travel with it: one claim, one event, one copy. They are bound once the range's lock is released, for a thread has one range's lock at the most. The rest of what the
/// policy wants goes range by range.
/// </remarks>
internal sealed class FaultFollower(GpuVm vm)
{
    /// <summary>Asks the policy, and chooses what travels with a range that is about to move.</summary>
    /// <param name="range">The range.</param>
    /// <param name="address">The faulting address in it.</param>
    /// <param name="device">Where to.</param>
    /// <param name="advice">What is advised of the range.</param>
    /// <param name="workspace">The fault's.</param>
    /// <param name="missing">How many pages of the range itself are not on the device: what moves beyond them was prefetched.</param>
    /// <returns>The plan; without a policy the range alone.</returns>
    /// <remarks>Locking: Vm and the range's lock held. Finds and makes ranges beside it, without taking their locks.</remarks>
    public FollowPlan Plan(GpuRange range, VirtualAddress address, VmDevice device, MemoryAdvice advice, HostWorkspace workspace, out int missing)
    {
        AddressRange self = range.Interval;
        missing = (int)self.Pages;
        Span<ulong> resident = stackalloc ulong[PageSize.PagesPerHuge / 64];
        if (vm.Options.Prefetch is not { } policy || !TryLookLocked(address, device, workspace, resident, out AddressRange block) || !block.Contains(self))
            return new FollowPlan(device, self, Come: self);
        missing = CountMissing(block, self, resident);
        for (int page = block.PageIndexOf(self.Start), end = page + (int)self.Pages; page < end; page++)
            resident[page >> 6] |= 1UL << (page & 63); // On its way.
        AddressRange region = Ask(policy, block, address, resident);
        if (!region.Overlaps(self))
            return new FollowPlan(device, self, region, Come: self); // It lies elsewhere: brought after the fault, without what lies between.
        VirtualAddress first = self.Start, last = self.End;
        if (!vm.Duplicator.IsWanted(advice)) // Else they are copied one by one.
        {
            for (VirtualAddress at = last; at < region.End && IsAlike(at, block, device, advice, out AddressRange found) && found.Start == at; at = found.End)
                last = CountMissing(block, found, resident) > 0 ? found.End : last;
            for (VirtualAddress at = first; at > region.Start && IsAlike(at - PageSize.Bytes, block, device, advice, out AddressRange found) && found.End == at; at = found.Start)
                first = CountMissing(block, found, resident) > 0 ? found.Start : first;
        }

        return new FollowPlan(device, self, region, new AddressRange(first, last));
    }

    /// <summary>Counts what travelled with a fault's range, and tells of it.</summary>
    /// <param name="plan">What moved.</param>
    /// <param name="pages">How many pages came beside the range's.</param>
    /// <param name="status">What the migration came to.</param>
    public void Note(in FollowPlan plan, int pages, SvmStatus status)
    {
        if (pages <= 0)
            return;
        vm.Counters.CountPrefetched(pages);
        Tell(new AddressRange(plan.Come.Start, plan.Range.Start), plan.Home!, status);
        Tell(new AddressRange(plan.Range.End, plan.Come.End), plan.Home!, status);
    }

    /// <summary>Binds what travelled with a fault's range, and brings the rest of what the policy wants. What does not come now comes by its own fault.</summary>
    /// <param name="address">The faulting address.</param>
    /// <param name="plan">What has come.</param>
    /// <param name="workspace">The caller's.</param>
    /// <remarks>Locking: takes Vm; must hold nothing.</remarks>
    public void Follow(VirtualAddress address, in FollowPlan plan, HostWorkspace workspace)
    {
        VmDevice device = plan.Home!;
        Span<ulong> resident = stackalloc ulong[PageSize.PagesPerHuge / 64];
        bool isAlone = !plan.Region.IsEmpty && plan.Range.Contains(plan.Region);
        if (isAlone || vm.Options.Prefetch is not { } policy)
            return;
        AddressRange block;
        using (vm.Lock.EnterRead())
        {
            if (!TryLookLocked(address, device, workspace, resident, out block))
                return;
        }

        AddressRange region = (plan.Region.IsEmpty ? Ask(policy, block, address, resident) : plan.Region).Intersect(block);
        for (VirtualAddress at = region.Start; at < region.End;)
        {
            int page = block.PageIndexOf(at);
            AddressRange found = AddressRange.OfPages(at, 1);
            bool hasCome = plan.Come.Contains(at);
            if (plan.Range.Contains(at))
                found = plan.Range;
            else if (hasCome || (resident[page >> 6] >> (page & 63) & 1) == 0)
            {
                SvmStatus status;
                using (vm.Lock.EnterRead())
                    status = Accompany(at, block, device, hasCome, workspace, out found);
                if (status is SvmStatus.OutOfDeviceMemory or SvmStatus.OutOfHostMemory or SvmStatus.DeviceGone or SvmStatus.ProcessGone)
                    return;
            }

            at = found.End;
        }
    }

    /// <summary>Brings one range beside a fault, if a fault of its own would bring it.</summary>
    /// <param name="address">An address in the range.</param>
    /// <param name="block">The block of 2 MiB, as far as it is mapped.</param>
    /// <param name="device">The device.</param>
    /// <param name="hasCome">Whether it has come, and is only to be bound.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="found">As of <see cref="Prefetcher.Find"/>.</param>
    /// <returns>What became of it; <see cref="SvmStatus.Done"/> if it is to stay where it is.</returns>
    /// <remarks>Locking: Vm held.</remarks>
    private SvmStatus Accompany(VirtualAddress address, AddressRange block, VmDevice device, bool hasCome, HostWorkspace workspace, out AddressRange found)
    {
        found = AddressRange.OfPages(address, 1);
        if (device.Device.IsUnplugged)
            return SvmStatus.DeviceGone; // Looked at inside the VM's lock.
        MemoryAdvice advice = vm.Attributes.FindLocked(address);
        SvmStatus status = vm.Prefetcher.Find(address, block, device, MigrationCause.GpuFault, advice, out found, out bool isWanted);
        if (!isWanted)
            return status;
        return hasCome
            ? vm.Prefetcher.BindAll(found, device, advice, workspace)
            : vm.Prefetcher.MoveAndBind(found, device, MigrationCause.GpuFault, advice, workspace, out _);
    }

    /// <summary>Whether the range at an address may travel with one that moves: its own fault would move it, and the same is advised of it.</summary>
    /// <param name="address">The address.</param>
    /// <param name="block">The block of 2 MiB, as far as it is mapped.</param>
    /// <param name="device">Where to.</param>
    /// <param name="advice">What is advised of the one that moves.</param>
    /// <param name="found">The range's interval.</param>
    /// <returns>True if it may.</returns>
    private bool IsAlike(VirtualAddress address, AddressRange block, VmDevice device, MemoryAdvice advice, out AddressRange found)
    {
        found = default;
        return vm.Attributes.FindLocked(address) == advice
            && vm.Prefetcher.Find(address, block, device, MigrationCause.GpuFault, advice, out found, out bool isWanted) == SvmStatus.Done && isWanted && block.Contains(found);
    }

    /// <summary>Looks at the block of a faulting address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="device">The device.</param>
    /// <param name="workspace">Receives the entries.</param>
    /// <param name="resident">Learns which pages are on the device, or copied to it.</param>
    /// <param name="block">The 2 MiB around the address as far as they are mapped with it.</param>
    /// <returns>False if the address is not mapped any more.</returns>
    /// <remarks>Locking: Vm held.</remarks>
    private bool TryLookLocked(VirtualAddress address, VmDevice device, HostWorkspace workspace, Span<ulong> resident, out AddressRange block)
    {
        block = default;
        if (!vm.Host.TryFindMapping(address, out HostMapping mapping) || !mapping.Interval.Contains(address))
            return false;
        block = address.Block(PageOrder.Huge).Intersect(mapping.Interval);
        device.Pagemap.ReadResidency(block, resident, workspace);
        vm.Duplicator.MarkCopiesLocked(block, device.Index, resident);
        return true;
    }

    /// <summary>Asks a policy.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="block">The block.</param>
    /// <param name="address">The faulting address in it.</param>
    /// <param name="resident">Which pages are there, or on their way.</param>
    /// <returns>What it wants.</returns>
    private static AddressRange Ask(IPrefetchPolicy policy, AddressRange block, VirtualAddress address, ReadOnlySpan<ulong> resident)
    {
        PageRegion region = policy.Choose(new PrefetchFacts(
            block.PageIndexOf(address.AlignDown(PageOrder.Small)), (int)block.Pages, resident, block: (long)(address.PageNumber >> PageOrder.Huge.Value)));
        return AddressRange.OfPages(block.Start + ((long)region.First << PageSize.Shift), region.Pages);
    }

    /// <summary>How many pages of a range in a block are not on the device.</summary>
    /// <param name="block">The block.</param>
    /// <param name="range">The range.</param>
    /// <param name="resident">Which of the block's pages are.</param>
    /// <returns>Pages.</returns>
    private static int CountMissing(AddressRange block, AddressRange range, ReadOnlySpan<ulong> resident)
    {
        int missing = 0;
        for (int page = block.PageIndexOf(range.Start), end = page + (int)range.Pages; page < end; page++)
            missing += (resident[page >> 6] >> (page & 63) & 1) == 0 ? 1 : 0;
        return missing;
    }

    /// <summary>Tells of what came beside a fault's range.</summary>
    /// <param name="part">What came; may be empty.</param>
    /// <param name="device">Where to.</param>
    /// <param name="status">What the migration came to.</param>
    private void Tell(AddressRange part, VmDevice device, SvmStatus status)
    {
        if (!part.IsEmpty)
            vm.Host.Events.Prefetch(part, device.Pagemap.Index, MigrationCause.GpuFault, status);
    }
}
