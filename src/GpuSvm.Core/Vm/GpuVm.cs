// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>
/// One GPU address space: the page table of one device, a window that mirrors the CPU's addresses, and everything that keeps the two the same.
/// Kernel: struct xe_vm with its svm part.
/// </summary>
/// <remarks>
/// Data flow of a fault: <see cref="PageFaultHandler"/> -> SvmMirror.FindOrInsert -> placement policy -> RangeMigrator (Pagemap) -> SvmPages.Get -> RangeBinder.
/// Data flow of an event: HostAddressSpace -> SvmNotifier -> RangeInvalidator -> page table, TLBs, pages -> RangeCollector.
///
/// Locks: <see cref="Lock"/> (rank Vm) is shared by faults and prefetches and owned by collection and teardown. Inside it each range has a fault lock, so one
/// fault at a time works on a range and faults on different ranges run in parallel. Events take neither.
/// </remarks>
public sealed class GpuVm : ISvmMirrorOwner, IDisposable
{
    private readonly IGpuDevice _device;
    private readonly IntervalTree<GpuVma> _windows = new(); // Guarded by Lock.
    private readonly RangeInvalidator _invalidator;
    private readonly RangeCollector _collector;
    private readonly Prefetcher _prefetcher;
    private int _disposed; // Interlocked.

    /// <summary>Creates an address space of a device over a host address space.</summary>
    /// <param name="host">The host address space.</param>
    /// <param name="device">The device.</param>
    /// <param name="options">How it behaves.</param>
    public GpuVm(HostAddressSpace host, IGpuDevice device, GpuVmOptions options)
    {
        _device = device;
        Host = host;
        Options = options;
        if (DevicePagemaps.Of(device).CacheFor(host).Get(out Pagemap? pagemap) is var status && status != SvmStatus.Done)
            throw new InvalidOperationException($"The device '{device.Name}' cannot be used: {status.Describe()}.");
        Pagemap = pagemap!;
        PageTable = device.CreatePageTable(out int addressSpaceId);
        AddressSpaceId = addressSpaceId;
        _collector = new RangeCollector(this);
        _invalidator = new RangeInvalidator(PageTable, _collector, Counters);
        Binder = new RangeBinder(PageTable);
        Migrator = new RangeMigrator(Pagemap, options.Timeslice);
        _prefetcher = new Prefetcher(this);
        FaultHandler = new PageFaultHandler(this, _invalidator);
        Mirror = new SvmMirror(host, this, options.NotifierBytes, UsableOrders(options.ChunkOrders, device.Memory.Pages));
        _windows.Insert(new GpuVma(new AddressRange(new VirtualAddress(PageSize.Bytes), new VirtualAddress(1UL << 47))));
    }

    /// <summary>The host address space.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>How it behaves.</summary>
    public GpuVmOptions Options { get; }

    /// <summary>Faults and prefetches share it; collection and teardown own it.</summary>
    public RankedReaderWriterLock Lock { get; } = new(LockRank.Vm, "GpuVm");

    /// <summary>The device's page table for this space.</summary>
    public IDevicePageTable PageTable { get; }

    /// <summary>The number that the device's faults carry for this space.</summary>
    public int AddressSpaceId { get; }

    /// <summary>The device's memory.</summary>
    public Pagemap Pagemap { get; }

    /// <summary>The device.</summary>
    public IGpuDevice Device => _device;

    /// <summary>The mirror.</summary>
    public SvmMirror Mirror { get; }

    /// <summary>Serves faults of this space.</summary>
    public PageFaultHandler FaultHandler { get; }

    /// <summary>What the fault handler did.</summary>
    public VmCounters Counters { get; } = new();

    /// <summary>Commits page-table entries.</summary>
    internal RangeBinder Binder { get; }

    /// <summary>Moves pages to the device.</summary>
    internal RangeMigrator Migrator { get; }

    /// <inheritdoc/>
    public SvmRange CreateRange(SvmNotifier notifier, AddressRange interval, bool isMigratable) =>
        new GpuRange(notifier, interval, isMigratable, new SvmPages(_device));

    /// <inheritdoc/>
    public void InvalidateStart(SvmNotifier notifier, in MmuEvent mmuEvent) => _invalidator.StartLocked(notifier, mmuEvent);

    /// <inheritdoc/>
    public void InvalidateFinish(SvmNotifier notifier, in MmuEvent mmuEvent) => _invalidator.Finish(notifier, mmuEvent);

    /// <summary>Brings an interval to the device or home, and says what happened.</summary>
    /// <param name="interval">Any interval; widened to whole pages.</param>
    /// <param name="target">Where to.</param>
    /// <param name="result">Bytes requested, there before, moved, failed.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or the first failure; the rest was still tried.</returns>
    public SvmStatus Prefetch(AddressRange interval, PrefetchTarget target, out PrefetchResult result) =>
        _prefetcher.Prefetch(interval.AlignOutward(), target, out result);

    /// <summary>Brings every page home: what a memory without CPU faults needs before a launch may be reported done.</summary>
    /// <returns><see cref="SvmStatus.Done"/>, or why some pages stayed.</returns>
    public SvmStatus BringHome() => Pagemap.EvictAll(MigrationCause.Prefetch);

    /// <summary>Removes the ranges of memory that has been unmapped.</summary>
    /// <remarks>Locking: takes Vm for write if there is work; must hold nothing.</remarks>
    public void Collect() => _collector.Collect();

    /// <summary>The window that holds an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The window, or null.</returns>
    /// <remarks>Locking: Vm held.</remarks>
    public GpuVma? FindWindow(VirtualAddress address)
    {
        Lock.AssertHeld();
        return _windows.Find(address);
    }

    /// <summary>
    /// Takes the device away while launches may be running: every page comes home, then every range goes, so that a running kernel's next access faults, and that fault is
    /// answered with <see cref="SvmStatus.DeviceGone"/> (R-24). Afterwards the space can only be disposed.
    /// </summary>
    /// <returns>As <see cref="Pagemaps.Pagemap.Unplug"/>.</returns>
    /// <remarks>Locking: takes Vm for write; must hold nothing.</remarks>
    public SvmStatus Unplug()
    {
        SvmStatus status = Pagemap.Unplug();
        RemoveAll();
        return status;
    }

    /// <summary>Gives up idle pagemaps of the device: what to do when memory is short.</summary>
    /// <returns>How many there were.</returns>
    public int Shrink() => DevicePagemaps.Of(_device).Shrinker.Scan(int.MaxValue);

    /// <summary>Takes the GPU out of the address space; if nobody else uses the device's memory there, every page has come home before. No launch may be running.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        SvmStatus home = Pagemap.EndUse();
        RemoveAll();
        Mirror.Dispose();
        PageTable.Dispose();
        Pagemap.Put();
        if (home != SvmStatus.Done)
            throw new InvalidOperationException($"Pages are left on the device at close: {home.Describe()}.");
    }

    /// <summary>Removes every range.</summary>
    private void RemoveAll()
    {
        _collector.Collect();
        using (Lock.EnterWrite())
        {
            var everything = new AddressRange(default, new VirtualAddress(1UL << 48));
            while (Mirror.FirstNotifier(everything) is { } notifier)
            {
                while (notifier.Ranges.First is GpuRange range)
                    RemoveOwned(range);
            }
        }
    }

    /// <summary>Removes a range: access away, mapping undone, unlinked.</summary>
    /// <param name="range">A linked range.</param>
    /// <remarks>Locking: Vm owned.</remarks>
    internal void RemoveOwned(GpuRange range)
    {
        Lock.AssertHeldWrite();
        using (range.Notifier.Lock.EnterWrite())
            _invalidator.UnbindLocked(range);
        Mirror.Remove(range);
    }

    /// <summary>Leaves out orders of which the device's memory could not hold two.</summary>
    /// <param name="orders">Descending orders, the last one 0.</param>
    /// <param name="devicePages">The device's memory.</param>
    /// <returns>The usable orders; always order 0.</returns>
    private static PageOrder[] UsableOrders(IReadOnlyList<PageOrder> orders, int devicePages)
    {
        var usable = new List<PageOrder>();
        foreach (PageOrder order in orders)
        {
            if (order.Value == 0 || order.Pages * 2 <= devicePages)
                usable.Add(order);
        }

        return [.. usable];
    }
}
