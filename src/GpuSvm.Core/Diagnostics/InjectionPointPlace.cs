// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Diagnostics;

/// <summary>Where each injection point is, in words, for whoever chooses one. docs/fault-injection.md has the same words, and what follows a failure.</summary>
public static class InjectionPointPlace
{
    /// <summary>Who reaches a point, and when.</summary>
    /// <param name="point">The point.</param>
    /// <returns>A few words.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such point.</exception>
    public static string Where(this InjectionPoint point) => point switch
    {
        InjectionPoint.DeviceAllocate => "pagemap, taking a block",
        InjectionPoint.CopyToDevice => "pagemap, before each run from RAM",
        InjectionPoint.CopyToHost => "pagemap, before each run to RAM",
        InjectionPoint.ClearDevice => "pagemap, before zeroing a block or a run of holes",
        InjectionPoint.DmaMap => "pages object, before each piece in system memory",
        InjectionPoint.DmaReserve => "pages object, before device addresses are taken for an interval",
        InjectionPoint.DeviceMap => "pages object, before each piece in device memory",
        InjectionPoint.CopyToPeer => "pagemap, before each piece between devices or within one",
        InjectionPoint.PageTablePrepare => "binder, before tables are allocated",
        InjectionPoint.HostPopulate => "host address space, before absent pages are made",
        InjectionPoint.HostDetach => "migration, before a run of pages leaves the CPU",
        InjectionPoint.HostAttach => "migration, before a run is given to the CPU",
        InjectionPoint.HostStaging => "migration, before a staging block is taken",
        InjectionPoint.MapForPeer => "pagemap, before a peer's mapping is made",
        InjectionPoint.FenceWait => "pagemap, after waiting for an engine",
        InjectionPoint.PagemapRevive => "cache, before an idle pagemap is used again",
        InjectionPoint.UnplugEvict => "pagemap, before a block of a device that goes is emptied",
        InjectionPoint.HostQuery => "host address space, before pages are looked at",
        InjectionPoint.HostAllocate => "host address space, before memory is mapped",
        InjectionPoint.HostFree => "host address space, before memory is unmapped",
        InjectionPoint.HostDiscard => "host address space, before pages are dropped",
        InjectionPoint.AttributeAllocate => "attribute map, before a run is made",
        InjectionPoint.HostPending => "host operation, before pages are made, taken or given back",
        InjectionPoint.WorkspaceAllocate => "host address space, before a workspace is made",
        InjectionPoint.NotifierAllocate => "mirror, before a window or a user pointer is made",
        InjectionPoint.RangeAllocate => "mirror, before a range is made",
        InjectionPoint.PagesAllocate => "VM and pages object, before room for device addresses is made",
        InjectionPoint.BlockAllocate => "pagemap, before the record of a block or the plan of a migration is made",
        InjectionPoint.PagemapCreate => "cache, before a pagemap is made",
        InjectionPoint.HostProtect => "migration, before pages that are to be copied are write-protected",
        InjectionPoint.HostRead => "migration, before pages that are to be copied are read",
        _ => throw new ArgumentOutOfRangeException(nameof(point), point, "There is no such injection point."),
    };
}
