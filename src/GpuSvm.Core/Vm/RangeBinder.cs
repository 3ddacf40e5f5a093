// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Vm;

/// <summary>Writes a range's pages into the page table, if they are still what they were. Kernel: xe_pt's pre-commit and commit.</summary>
internal sealed class RangeBinder(IDevicePageTable pageTable)
{
    /// <summary>Binds a range.</summary>
    /// <param name="range">A range whose pages have been got.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Retry"/> if an event has unmapped the pages since: get them again;
    /// <see cref="SvmStatus.OutOfHostMemory"/> without room for tables.</returns>
    /// <remarks>Locking: takes Notifier; tables are allocated before, with nothing but Vm and Range held. This is the only place that commits (INV-15).</remarks>
    public SvmStatus Bind(GpuRange range)
    {
        SvmStatus status = Injection.ShouldFail(InjectionPoint.PageTablePrepare) ? SvmStatus.OutOfHostMemory : pageTable.Prepare(range.Interval);
        if (status != SvmStatus.Done)
            return status;
        using (range.Notifier.Lock.EnterWrite())
        {
            if (range.IsUnmapped)
                return SvmStatus.Unmapped;
            if (!range.Pages.IsValidLocked(range.Notifier))
                return SvmStatus.Retry;
            pageTable.Write(range.Interval.Start, range.Pages.Addresses);
            range.IsBound = true;
            return SvmStatus.Done;
        }
    }
}
