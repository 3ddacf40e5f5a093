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
/// One GPU address space: the page tables of one or several devices, a window that mirrors the CPU's addresses, and everything that keeps them the same.
/// Kernel: struct xe_vm with its svm part, which has one device; several as amdgpu has them.
/// </summary>
/// <remarks>
/// Data flow of a fault: <see cref="PageFaultHandler"/> -> SvmMirror.FindOrInsert -> placement policy -> RangeMigrator (Pagemap) -> SvmPages.Get -> RangeBinder.
/// Data flow of an event: HostAddressSpace -> SvmNotifier -> RangeInvalidator -> page tables, TLBs, pages -> RangeCollector.
///
/// Devices of one VM share ranges and notifiers; each has pages objects, a page table and a memory of its own.
///
/// Locks: <see cref="Lock"/> (rank Vm) is shared by faults and prefetches and owned by collection and teardown. Inside it each range has a fault lock, so one
/// fault at a time works on a range and faults on different ranges run in parallel. Events take neither.
/// </remarks>
public sealed partial class GpuVm : ISvmMirrorOwner, IDisposable
{
    private const int MaxRestoreAttempts = 1000;

    private readonly IntervalTree<GpuVma> _windows = new(); // Guarded by Lock.
    private readonly VmDevice[] _devices;
    private readonly RangeCollector _collector;
    private int _disposed; // Interlocked.

    /// <summary>Creates an address space of one device over a host address space.</summary>
    /// <param name="host">The host address space.</param>
    /// <param name="device">The device.</param>
    /// <param name="options">How it behaves.</param>
    public GpuVm(HostAddressSpace host, IGpuDevice device, GpuVmOptions options)
        : this(host, [device], options)
    {
    }

    /// <summary>Creates an address space that several devices share, with one set of ranges for all of them.</summary>
    /// <param name="host">The host address space.</param>
    /// <param name="devices">The devices, 1 to 64, all able to reach each other's memory.</param>
    /// <param name="options">How it behaves.</param>
    /// <exception cref="DeviceUnavailableException">A device is gone, or there is no memory for its pagemap; the others are let go of.</exception>
    /// <exception cref="ArgumentException">Not 1 to 64 devices, or one's memory cannot be reserved.</exception>
    /// <exception cref="NotSupportedException">The VM is to be without faults, and a device cannot stop its queues; the message names the remedy.</exception>
    public GpuVm(HostAddressSpace host, IReadOnlyList<IGpuDevice> devices, GpuVmOptions options)
    {
        if (devices.Count is < 1 or > 64)
            throw new ArgumentException($"A VM has 1 to 64 devices, not {devices.Count}.", nameof(devices));
        Host = host;
        Options = options;
        _devices = new VmDevice[devices.Count];
        int smallest = int.MaxValue;
        for (int i = 0; i < _devices.Length; i++)
        {
            try
            {
                _devices[i] = new VmDevice(host, devices[i], i, options);
            }
            catch
            {
                while (--i >= 0)
                    _devices[i].Release();
                throw;
            }

            if (options.Eviction is { } eviction)
                _devices[i].Pagemap.Eviction = eviction;
            smallest = Math.Min(smallest, devices[i].Memory.Pages);
        }

        _collector = new RangeCollector(this);
        Thrash = options.Thrash is { } thrash ? new ThrashControl(this, thrash) : null;
        if (options.WithoutFaults)
        {
            Jobs = new JobGate(_devices, host, Counters);
            Binder = new JobBinder(this);
            Restorer = new JobRestorer(this, Jobs, Binder);
        }

        Invalidator = new RangeInvalidator(_devices, _collector, Counters, host, Thrash, options.PartialUnmap == PartialUnmapMode.Split, Jobs);
        Splitter = new RangeSplitter(this);
        Prefetcher = new Prefetcher(this);
        Follower = new FaultFollower(this);
        Duplicator = new RangeDuplicator(this);
        PrefetchWorkers = new PrefetchWorkers(this);
        FaultHandler = new PageFaultHandler(this);
        Attributes = new MemoryAttributes(Lock, options.ResetAdviceOnUnmap);
        Mirror = new SvmMirror(host, this, options.NotifierBytes, UsableOrders(options.ChunkOrders, smallest), Lock);
        if (options.KeepFreeBytes > 0)
        {
            foreach (VmDevice device in _devices)
                device.Ahead = new EvictionAhead(device.Pagemap, Math.Min(options.KeepFreeBytes, device.Device.Memory.Pages * (long)PageSize.Bytes / 2));
        }

        if (options.AccessCounters is { } counters)
            CountAccesses(counters);
        _windows.Insert(new GpuVma(new AddressRange(new VirtualAddress(PageSize.Bytes), new VirtualAddress(1UL << 47))));
    }

    /// <summary>The host address space.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>How it behaves.</summary>
    public GpuVmOptions Options { get; }

    /// <summary>Faults and prefetches share it; collection and teardown own it.</summary>
    public RankedReaderWriterLock Lock { get; } = new(LockRank.Vm, "GpuVm");

    /// <summary>The devices.</summary>
    public IReadOnlyList<VmDevice> Devices => _devices;

    /// <summary>The first device's page table for this space.</summary>
    public IDevicePageTable PageTable => _devices[0].PageTable;

    /// <summary>The number that the first device's faults carry for this space.</summary>
    public int AddressSpaceId => _devices[0].AddressSpaceId;

    /// <summary>The first device's memory.</summary>
    public Pagemap Pagemap => _devices[0].Pagemap;

    /// <summary>The first device.</summary>
    public IGpuDevice Device => _devices[0].Device;

    /// <summary>The mirror.</summary>
    public SvmMirror Mirror { get; }

    /// <summary>What the program has advised of its memory. Guarded by <see cref="Lock"/>.</summary>
    public MemoryAttributes Attributes { get; }

    /// <summary>Serves faults of this space.</summary>
    public PageFaultHandler FaultHandler { get; }

    /// <summary>Faults that were refused, with address, access and reason.</summary>
    public FailedFaults FailedFaults { get; } = new();

    /// <summary>What the fault handler did.</summary>
    public VmCounters Counters { get; } = new();

    /// <summary>Takes access away.</summary>
    internal RangeInvalidator Invalidator { get; }

    /// <summary>Makes smaller ranges of one that has lost a part.</summary>
    internal RangeSplitter Splitter { get; }

    /// <summary>Brings pages before they are touched.</summary>
    internal Prefetcher Prefetcher { get; }

    /// <summary>Brings what prefetch policies want.</summary>
    internal FaultFollower Follower { get; }

    /// <summary>Gives devices copies of memory that is mostly read.</summary>
    internal RangeDuplicator Duplicator { get; }

    /// <summary>Controls thrashing; null where nothing does.</summary>
    internal ThrashControl? Thrash { get; }

    /// <summary>Bring pages in the background.</summary>
    internal PrefetchWorkers PrefetchWorkers { get; }

    /// <summary>By which one fault at a time works on a range.</summary>
    internal RangeLocks RangeLocks { get; } = new();

    /// <inheritdoc/>
    public SvmRange CreateRange(SvmNotifier notifier, AddressRange interval, bool isMigratable) => new GpuRange(notifier, interval, isMigratable);

    /// <inheritdoc/>
    public void InvalidateStart(SvmNotifier notifier, in MmuEvent mmuEvent) => Invalidator.StartLocked(notifier, mmuEvent);

    /// <inheritdoc/>
    public void InvalidateFinish(SvmNotifier notifier, in MmuEvent mmuEvent) => Invalidator.Finish(notifier, mmuEvent.Interval);

    /// <summary>Brings every page home: what a memory without CPU faults needs before a launch may be reported done. There, that includes pages in RAM that a device has
    /// for itself alone: a CPU touch would not bring those back either.</summary>
    /// <returns><see cref="SvmStatus.Done"/>, or why some pages stayed.</returns>
    public SvmStatus BringHome()
    {
        SvmStatus status = (Host.Memory.Capabilities & HostMemoryCapabilities.CpuFaults) == 0 ? RestoreExclusive() : SvmStatus.Done;
        foreach (VmDevice device in _devices)
        {
            SvmStatus home = device.Pagemap.EvictAll(MigrationCause.Prefetch);
            status = status == SvmStatus.Done ? home : status;
        }

        return status;
    }

    /// <summary>Removes the ranges of memory that has been unmapped, and splits those that have lost a part.</summary>
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

    /// <summary>Shows memory of the program at a GPU address of its own: pages are pinned by notifier, and never live on a device. Kernel: bind of a userptr.</summary>
    /// <param name="interval">The program's memory, page aligned; it need not be mapped yet.</param>
    /// <param name="gpuStart">The GPU address, page aligned, at or above 2^47, where the mirror of the CPU's addresses ends.</param>
    /// <param name="isReadOnly">Whether devices may only read it.</param>
    /// <param name="userptr">The user pointer; end with <see cref="UnbindUserptr"/>.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.InvalidArgument"/> for an interval that is empty, unaligned, or overlaps another window of the GPU;
    /// <see cref="SvmStatus.OutOfHostMemory"/>.</returns>
    /// <remarks>Locking: takes Vm for write; must hold nothing. Nothing is mapped until it is used.</remarks>
    public SvmStatus BindUserptr(AddressRange interval, VirtualAddress gpuStart, bool isReadOnly, out GpuUserptr? userptr)
    {
        userptr = null;
        AddressRange shown = AddressRange.OfBytes(gpuStart, interval.Bytes);
        if (interval.IsEmpty || !interval.IsPageAligned || !shown.IsPageAligned || shown.End.Value > 1UL << 48)
            return SvmStatus.InvalidArgument;
        if (TryWatch(interval, gpuStart, isReadOnly) is not { } created)
            return SvmStatus.OutOfHostMemory;
        bool isFree;
        using (Lock.EnterWrite())
        {
            isFree = _windows.FindFirst(shown) is null;
            if (isFree)
                _windows.Insert(new GpuVma(created));
        }

        if (isFree)
            userptr = created;
        else
            Mirror.Unwatch(created.Notifier);
        return isFree ? SvmStatus.Done : SvmStatus.InvalidArgument;
    }

    /// <summary>Takes a user pointer away from the GPU.</summary>
    /// <param name="userptr">What <see cref="BindUserptr"/> gave.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or <see cref="SvmStatus.InvalidHandle"/> if it was unbound before.</returns>
    /// <remarks>Locking: takes Vm for write; must hold nothing.</remarks>
    public SvmStatus UnbindUserptr(GpuUserptr userptr)
    {
        using (Lock.EnterWrite())
        {
            if (_windows.Find(userptr.GpuInterval.Start) is not { } window || !ReferenceEquals(window.Userptr, userptr))
                return SvmStatus.InvalidHandle;
            _windows.Remove(window);
            userptr.UnmapAll();
        }

        Mirror.Unwatch(userptr.Notifier);
        return SvmStatus.Done;
    }

    /// <summary>The first window of the GPU's addresses; follow Next.</summary>
    /// <remarks>Locking: Vm held.</remarks>
    internal GpuVma? FirstWindow
    {
        get
        {
            Lock.AssertHeld();
            return _windows.First;
        }
    }

    /// <summary>
    /// Takes a device away while launches may be running on it: every page comes home, then the GPU loses its ranges, so that a running kernel's next access faults, and that fault is
    /// answered with <see cref="SvmStatus.DeviceGone"/> (R-24). Other devices of the VM fault theirs in again. When the launches have ended the device may be disposed.
    /// </summary>
    /// <param name="device">Which of the VM's devices.</param>
    /// <returns>As <see cref="Pagemaps.Pagemap.Unplug"/>.</returns>
    /// <remarks>Locking: takes Vm for write; must hold nothing.</remarks>
    public SvmStatus Unplug(int device = 0)
    {
        using var balance = LockBalance.Begin();
        SvmStatus status = _devices[device].Pagemap.Unplug();
        _collector.Collect();
        using (Lock.EnterWrite())
        {
            var everything = new AddressRange(default, new VirtualAddress(1UL << 48));
            while (Mirror.FirstNotifier(everything) is { Ranges.First: GpuRange range })
                RemoveOwned(range);
            for (GpuVma? window = _windows.First; window is not null; window = window.Next)
                window.Userptr?.UnmapAll();
        }

        return status;
    }

    /// <summary>Gives up what is kept for later although nobody uses it: what to do when memory is short.</summary>
    /// <returns>How many idle pagemaps there were.</returns>
    public int Shrink()
    {
        int count = 0;
        foreach (VmDevice device in _devices)
            count += DevicePagemaps.Of(device.Device).Shrinker.Scan(int.MaxValue);
        return count;
    }

    /// <summary>Takes the GPU out of the address space; pages on a device whose memory nobody else uses here come home before. No launch may be running.</summary>
    /// <remarks>Locking: must hold nothing. Where the process side is ending, this waits for its end, which drops every page; so the caller may not be using it.</remarks>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        PrefetchWorkers.Close();
        CloseJobs();
        foreach (VmDevice device in _devices)
        {
            device.AccessCounters?.Dispose();
            device.Ahead?.Dispose();
        }

        Thrash?.Dispose();
        if (!Host.IsAlive)
            Host.WaitForEnd();
        SvmStatus home = SvmStatus.Done;
        foreach (VmDevice device in _devices)
        {
            SvmStatus ended = device.Pagemap.EndUse();
            home = home == SvmStatus.Done ? ended : home;
        }

        _collector.Collect();
        while (FirstUserptr() is { } userptr)
            UnbindUserptr(userptr);
        using (Lock.EnterWrite())
            Mirror.Close(range => Invalidator.Unbind((GpuRange)range));
        foreach (VmDevice device in _devices)
        {
            device.PageTable.Dispose();
            device.Unreserve();
            device.Pagemap.Put();
        }

        if (home != SvmStatus.Done)
            throw new InvalidOperationException($"Pages are left on a device at close: {home.Describe()}.");
    }

    /// <summary>Gives the CPU back every page that a device has for itself alone in RAM.</summary>
    /// <returns><see cref="SvmStatus.Done"/>, or why some stayed; the retry family only if others held them all the while.</returns>
    private SvmStatus RestoreExclusive()
    {
        SvmStatus status = SvmStatus.Retry;
        for (int attempt = 0; attempt < MaxRestoreAttempts && status.IsRetry(); attempt++)
        {
            status = Host.RestoreExclusive(new AddressRange(default, new VirtualAddress(1UL << 47)));
            if (status.IsRetry())
                Pause.Sleep(attempt < 10 ? 0 : 1);
        }

        return status;
    }

    /// <summary>Removes a range: access away, mapping undone, unlinked.</summary>
    /// <param name="range">A linked range.</param>
    /// <remarks>Locking: Vm owned.</remarks>
    internal void RemoveOwned(GpuRange range)
    {
        Lock.AssertHeldWrite();
        Invalidator.Unbind(range);
        Mirror.Remove(range);
    }

    /// <summary>A user pointer that is still bound.</summary>
    /// <returns>One, or null.</returns>
    private GpuUserptr? FirstUserptr()
    {
        using (Lock.EnterRead())
        {
            GpuVma? window = _windows.First;
            while (window is { Userptr: null })
                window = window.Next;
            return window?.Userptr;
        }
    }

    /// <summary>Leaves out orders of which a device's memory could not hold two.</summary>
    /// <param name="orders">Descending orders, the last one 0.</param>
    /// <param name="devicePages">The smallest device's memory.</param>
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
