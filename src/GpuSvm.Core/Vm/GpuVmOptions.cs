// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;

namespace GpuSvm.Core.Vm;

/// <summary>How a GPU address space behaves.</summary>
public sealed record GpuVmOptions
{
    /// <summary>Sizes of ranges: descending orders, the last one 0. Orders that do not fit in half of the device's memory are left out.</summary>
    public IReadOnlyList<PageOrder> ChunkOrders { get; init; } = [PageOrder.Huge, PageOrder.Medium, PageOrder.Small];

    /// <summary>Size of a notifier window in bytes, a power of two.</summary>
    public long NotifierBytes { get; init; } = 512L << 20;

    /// <summary>What becomes of a range when the CPU unmaps a part of it.</summary>
    public PartialUnmapMode PartialUnmap { get; init; } = PartialUnmapMode.Split;

    /// <summary>Chunks above 4 KiB and up to this size are chosen only where all their pages are somewhere already: keeps a small allocation in a large, mostly empty mapping
    /// from pulling its neighbourhood in. 0 for no such check; the kernel's drivers use 64 KiB.</summary>
    public long CheckPagesBytes { get; init; }

    /// <summary>Whether what a program has advised of its memory is forgotten when the memory is unmapped; otherwise it holds for what is mapped there next.</summary>
    public bool ResetAdviceOnUnmap { get; init; }

    /// <summary>Whether a fault of one device also maps the pages for the VM's other devices, from the same host fault: worth it where all of them will use them.</summary>
    public bool ShareMappings { get; init; }

    /// <summary>Where pages go when the GPU touches them.</summary>
    public IPlacementPolicy Placement { get; init; } = new FirstTouchPlacement();

    /// <summary>What becomes of GPU touches of pages that go to and fro between a device and RAM; null for no control, where such pages may travel for ever.</summary>
    public IThrashPolicy? Thrash { get; init; } = new BackOffThrash();

    /// <summary>Which pages come to a device because it has often used them where they are: those that the thrash policy has left in RAM, and those for which there was no room; null for none.</summary>
    public IAccessCounterPolicy? AccessCounters { get; init; }

    /// <summary>What else of a block of 2 MiB comes when a fault has moved a range of it to the device; null for nothing. Of use with ranges smaller than the block.</summary>
    public IPrefetchPolicy? Prefetch { get; init; }

    /// <summary>What leaves when a device is full; null for what its pagemap goes by already. A pagemap is shared by all VMs on a device and an address space: the VM made last decides.</summary>
    public IEvictionPolicy? Eviction { get; init; }

    /// <summary>Device memory in bytes, of each device, that a thread keeps free by evicting ahead of need; 0 for none. Worth it where programs stream through more than the device holds.</summary>
    public long KeepFreeBytes { get; init; }

    /// <summary>Device memory in bytes, of each device, that others leave to this VM, and that it gets back from them if they have it already; 0 for none. All VMs together can reserve
    /// what there is.</summary>
    public long ReservedBytes { get; init; }

    /// <summary>How long pages that a GPU fault has brought to the device stay there whatever the CPU does; zero for no guarantee. A CPU thread that touches one sleeps until then.</summary>
    public TimeSpan Timeslice { get; init; }

    /// <summary>Whether the devices raise no faults in this VM: a missing translation is an error of the kernel, and launches run inside jobs that name their memory
    /// (<see cref="GpuVm.BeginJob"/>). For devices without page faults, and for what XNACK off is for. The devices must be able to stop their queues.</summary>
    public bool WithoutFaults { get; init; }

    /// <summary>How long changes may overtake the binding of a job's memory before the job is given up. In VMs without faults.</summary>
    public TimeSpan JobTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
