// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Faults;

/// <content>The second half of a pass: from where the pages are to page-table entries.</content>
public sealed partial class PageFaultHandler
{
    /// <summary>The end of a pass: from where the pages are to their page-table entries.</summary>
    /// <param name="range">The range, with its fault lock held.</param>
    /// <param name="pages">The device's pages of it.</param>
    /// <param name="context">The pass's wishes.</param>
    /// <param name="access">What is to be done there.</param>
    /// <param name="device">By whom.</param>
    /// <param name="advice">What the program has advised of the address.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns>A status as of <see cref="ServePass"/>.</returns>
    /// <remarks>Locking: Vm held.</remarks>
    internal SvmStatus Map(GpuRange range, GpuPages pages, SvmContext context, MemoryAccess access, VmDevice device, MemoryAdvice advice, HostWorkspace workspace)
    {
        long start = Stopwatch.GetTimestamp();
        SvmStatus status = GetPages(range, pages, context with { Exclusive = access == MemoryAccess.Atomic }, advice, workspace);
        bool isShared = access == MemoryAccess.Atomic && advice.Atomics == AtomicMode.Global; // Then no plain mapping will do.
        if (isShared && status == SvmStatus.NotMigratable)
            status = SvmStatus.AccessDenied;
        else if (access == MemoryAccess.Atomic && !isShared && (status is SvmStatus.NotMigratable or SvmStatus.OutOfHostMemory or SvmStatus.Busy))
            status = GetPages(range, pages, context, advice, workspace); // They cannot be had alone: a file's, pinned, no staging. The device decides whether a plain mapping will do for its atomics.
        start = _vm.Counters.AddGetPages(start);
        if (status is SvmStatus.MixedPlacement or SvmStatus.NotSupported or SvmStatus.DeviceGone)
        {
            // In several places, or on a peer that cannot be reached, or not any more: RAM can.
            SvmStatus returned = _vm.Host.MigrateHome(range.Interval, MigrationCause.HostFault);
            return returned == SvmStatus.Done ? SvmStatus.Retry : returned;
        }

        if (status is SvmStatus.NotMapped or SvmStatus.ReadOnly)
            return StartOver(range); // A hole in the range, or a protection change: the lookup decides.
        if (status != SvmStatus.Done)
            return status;
        status = Bind(range, pages, device);
        _vm.Counters.AddBind(start);
        return status;
    }

    /// <summary>Gets the faulting device's pages, and from the same host fault those of the VM's other devices, where mappings are shared.</summary>
    /// <param name="range">The range.</param>
    /// <param name="pages">The faulting device's pages.</param>
    /// <param name="context">The pass's wishes.</param>
    /// <param name="advice">What is advised of the range: who accesses it often, and who may not.</param>
    /// <param name="workspace">The fault's.</param>
    /// <returns>As <see cref="SvmPages.GetAll"/>.</returns>
    private SvmStatus GetPages(GpuRange range, GpuPages pages, in SvmContext context, MemoryAdvice advice, HostWorkspace workspace)
    {
        ulong wanted = (_vm.Options.ShareMappings ? ulong.MaxValue : advice.AccessedBy) & ~advice.DeniedTo;
        if (wanted == 0 || context.Exclusive || _vm.Devices.Count == 1)
            return pages.Get(_vm.Host, range.Notifier, range.Interval, context, workspace);
        var all = default(PagesOfDevices);
        int count = 0;
        for (int other = 0; other < _vm.Devices.Count; other++)
        {
            bool isFaulting = ReferenceEquals(_vm.Devices[other].Device, pages.Device);
            bool isFed = (wanted >> other & 1) != 0 && !_vm.Devices[other].Device.IsUnplugged && range.PagesOf(other) is not { IsBound: true }; // What is bound is had already, and must not be undone here.
            if ((isFaulting || isFed) && _vm.TryPagesFor(range, other) is { } room)
                all[count++] = room; // Without memory for another device's: its own fault will see.
        }

        return SvmPages.GetAll(_vm.Host, range.Notifier, range.Interval, context, workspace, all[..count]);
    }

    /// <summary>Binds the faulting device's pages, and those that were got with them.</summary>
    /// <param name="range">The range.</param>
    /// <param name="pages">The faulting device's pages.</param>
    /// <param name="device">The faulting device.</param>
    /// <returns>What became of the faulting device's; the others are bound by their own fault where it does not work out here.</returns>
    private SvmStatus Bind(GpuRange range, GpuPages pages, VmDevice device)
    {
        SvmStatus status = device.Binder.Bind(range.Notifier, pages, range.Interval.Start, range.Interval.Pages);
        for (int other = 0; status == SvmStatus.Done && other < _vm.Devices.Count; other++)
        {
            if (other == device.Index || range.PagesOf(other) is not { HasDmaMapping: true, IsBound: false } shared)
                continue;
            if (_vm.Devices[other].Binder.Bind(range.Notifier, shared, range.Interval.Start, range.Interval.Pages) == SvmStatus.Done)
            {
                _vm.Counters.CountSharedMap();
                _vm.Devices[other].AccessCounters?.Notice();
            }
        }

        return status;
    }

    /// <summary>Whether the page table already allows the access; a binding that allows too little is undone.</summary>
    /// <param name="range">The range.</param>
    /// <param name="pages">The faulting device's pages.</param>
    /// <param name="access">What was tried.</param>
    /// <returns>True if there is nothing to do but replay.</returns>
    internal bool IsBoundFor(GpuRange range, GpuPages pages, MemoryAccess access)
    {
        if (!pages.IsBound)
            return false; // Only who has the fault lock binds; an event takes away at the most.
        using (range.Notifier.Lock.EnterWrite())
        {
            if (!pages.IsBound)
                return false;
            if (access == MemoryAccess.Read || (access == MemoryAccess.Write ? pages.IsWritable : pages.AllowsAtomics))
            {
                if (pages.HasDevicePages)
                    Touch(pages);
                return true;
            }
        }

        _vm.Invalidator.Unbind(range);
        return false;
    }

    /// <summary>Notes that the GPU uses a range's device pages.</summary>
    /// <param name="pages">The pages; Notifier held.</param>
    private void Touch(GpuPages pages)
    {
        DeviceAddress first = pages.Addresses[0];
        if (first.Protocol == AddressProtocol.LocalMemory && pages.PageOwner is Pagemaps.Pagemap pagemap)
            pagemap.Touch(first.Frame);
    }
}
