// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Diagnostics;

/// <summary>The places where a failure can be injected, one for each allocation, map, copy and host operation that can fail. docs/fault-injection.md says what follows.</summary>
public enum InjectionPoint
{
    /// <summary><see cref="Device.IDeviceMemory.Allocate"/> answers "full".</summary>
    DeviceAllocate,

    /// <summary><see cref="Device.ICopyEngine.CopyToDevice"/> fails.</summary>
    CopyToDevice,

    /// <summary><see cref="Device.ICopyEngine.CopyToHost"/> fails.</summary>
    CopyToHost,

    /// <summary><see cref="Device.ICopyEngine.Clear"/> fails.</summary>
    ClearDevice,

    /// <summary><see cref="Device.IDmaMapper.Map"/> or <see cref="Device.IPackingDmaMapper.Link"/> fails.</summary>
    DmaMap,

    /// <summary><see cref="Device.IPackingDmaMapper.TryReserve"/> finds no room.</summary>
    DmaReserve,

    /// <summary><see cref="Host.IDevicePageOwner.MapFor"/> fails.</summary>
    DeviceMap,

    /// <summary><see cref="Device.ICopyEngine.CopyToPeer"/> fails.</summary>
    CopyToPeer,

    /// <summary><see cref="Device.IDevicePageTable.Prepare"/> fails.</summary>
    PageTablePrepare,

    /// <summary><see cref="Host.IHostMemory.Populate"/> fails.</summary>
    HostPopulate,

    /// <summary><see cref="Host.IHostMemory.Detach"/> fails.</summary>
    HostDetach,

    /// <summary><see cref="Host.IHostMemory.Attach"/> fails once; the caller retries.</summary>
    HostAttach,

    /// <summary><see cref="Host.IHostMemory.AcquireStaging"/> finds nothing.</summary>
    HostStaging,

    /// <summary><see cref="Device.IGpuDevice.MapForPeer"/> fails.</summary>
    MapForPeer,

    /// <summary><see cref="Device.ICopyEngine.Wait"/> says that a copy failed.</summary>
    FenceWait,

    /// <summary>An idle pagemap that was found in its cache cannot be used again.</summary>
    PagemapRevive,

    /// <summary>One try to bring a page of an unplugged device home finds all of them held.</summary>
    UnplugEvict,

    /// <summary><see cref="Host.IHostMemory.Query"/> fails.</summary>
    HostQuery,

    /// <summary><see cref="Host.IHostMemory.Allocate"/> fails.</summary>
    HostAllocate,

    /// <summary><see cref="Host.IHostMemory.Free"/> fails.</summary>
    HostFree,

    /// <summary><see cref="Host.IHostMemory.Discard"/> fails.</summary>
    HostDiscard,

    /// <summary><see cref="Vm.MemoryAttributes.SetLocked"/> finds no memory for a run.</summary>
    AttributeAllocate,

    /// <summary><see cref="Host.IHostMemory.Populate"/>, Detach or Attach finds an event pending.</summary>
    HostPending,

    /// <summary>There is no memory for a <see cref="Host.HostWorkspace"/>.</summary>
    WorkspaceAllocate,

    /// <summary>There is no memory for a notifier's window, or for a user pointer's notifier.</summary>
    NotifierAllocate,

    /// <summary>There is no memory for a range.</summary>
    RangeAllocate,

    /// <summary>There is no memory for a device's pages of a range, or for their device addresses.</summary>
    PagesAllocate,

    /// <summary>There is no memory for the record of a device block, or for the plan of a migration.</summary>
    BlockAllocate,

    /// <summary>There is no memory for a device's pagemap.</summary>
    PagemapCreate,

    /// <summary><see cref="Host.IHostMemory.WriteProtect"/> finds an event pending.</summary>
    HostProtect,

    /// <summary><see cref="Host.IHostMemory.ReadInto"/> finds a page gone.</summary>
    HostRead,
}
