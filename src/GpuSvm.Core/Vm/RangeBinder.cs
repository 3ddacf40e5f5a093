// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>Writes pages into a device's page table, if they are still what they were. Kernel: xe_pt's pre-commit and commit, shared by ranges and user pointers.</summary>
internal sealed class RangeBinder(VmDevice device)
{
    /// <summary>Binds pages.</summary>
    /// <param name="notifier">The notifier that watches them.</param>
    /// <param name="pages">Pages that have been got.</param>
    /// <param name="start">The GPU address of the first page.</param>
    /// <param name="count">How many pages, at most 512 and not across a 2 MiB boundary of the GPU's addresses.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Unmapped"/> if the CPU has unmapped them; <see cref="SvmStatus.Retry"/> if an event has taken them
    /// away since: get them again; <see cref="SvmStatus.OutOfHostMemory"/> without room for tables, <see cref="SvmStatus.DeviceGone"/>.</returns>
    /// <remarks>Locking: takes Notifier; tables are allocated before, with nothing but Vm and Range held. This is the only place that commits (INV-15).</remarks>
    public SvmStatus Bind(SvmNotifier notifier, GpuPages pages, VirtualAddress start, long count)
    {
        SvmStatus status = Injection.ShouldFail(InjectionPoint.PageTablePrepare)
            ? SvmStatus.OutOfHostMemory : device.PageTable.Prepare(AddressRange.OfPages(start, count));
        if (status != SvmStatus.Done)
            return status;
        using (notifier.Lock.EnterWrite())
        {
            if (pages.IsUnmapped)
                return SvmStatus.Unmapped;
            if (!pages.IsValidLocked(notifier))
                return SvmStatus.Retry;
            device.PageTable.Write(start, pages.Addresses);
            pages.IsBound = true;
            if (device.Host.Events.Recorder is { } recorder)
                Record(recorder, start, pages.Addresses);
            return SvmStatus.Done;
        }
    }

    /// <summary>Tells a recording of the entries, one for each run of one place and right.</summary>
    /// <param name="recorder">The recording.</param>
    /// <param name="start">The GPU address of the first.</param>
    /// <param name="addresses">The entries.</param>
    private void Record(IRunRecorder recorder, VirtualAddress start, ReadOnlySpan<DeviceAddress> addresses)
    {
        for (int first = 0; first < addresses.Length;)
        {
            DeviceAddress one = addresses[first];
            long pages = 0;
            int end = first;
            while (end < addresses.Length && addresses[end].Protocol == one.Protocol && addresses[end].IsWritable == one.IsWritable)
                pages += addresses[end++].Order.Pages;
            int place = one.Protocol == AddressProtocol.LocalMemory ? device.Pagemap.Index : one.Protocol == AddressProtocol.System ? SvmPlace.Ram : SvmPlace.None;
            recorder.Bind(AddressRange.OfPages(start, pages), device.Pagemap.Index, place, one.IsWritable);
            start += pages << PageSize.Shift;
            first = end;
        }
    }
}
