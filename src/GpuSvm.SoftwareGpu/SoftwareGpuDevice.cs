// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// A GPU in software: memory of its own, a copy engine, page tables with TLBs, a fault buffer, and compute units that run native kernels over the shared address space.
/// It stands behind the same contract as a real one.
/// </summary>
/// <remarks>
/// <para><b>How a kernel's access runs.</b> The kernel calls a function of <see cref="SoftwareGpuKernelFunctions"/>. The unit's MMU looks in its TLB, then walks the
/// <see cref="SoftwareGpuPageTable"/>. If there is no translation the unit puts a fault into the <see cref="SoftwareGpuFaultBuffer"/> and waits. The service (Core) makes the page available, writes the
/// page table and acknowledges; the unit translates again. If the service refuses, the launch fails with that address and access, and only that launch.</para>
/// <para><b>How a page is taken away.</b> Core zaps the entries and calls <see cref="SoftwareGpuPageTable.InvalidateTlb"/>, which returns when no unit can still use them; the
/// proof is told there.</para>
/// <para><b>Where bytes are.</b> A translation leads into <see cref="Memory"/> or to a page of the program. The first is touched by pointer, the second only preemptively
/// (<see cref="PreemptiveCopy"/>), because a thread that stops in a page fault must not hold up the collector of the runtime that resolves it. With an <see cref="Iommu"/> the page table holds device
/// addresses for the program's pages, and the MMU translates twice.</para>
/// <para><b>Without a kernel.</b> <see cref="Transfer"/> goes the same way through one of two DMA channels, which are to the fault buffer and to invalidations as units are.</para>
/// <para><b>Threads.</b> One for each compute unit, and one for the copy engine if asked for. They live from the constructor to <see cref="Dispose"/>.</para>
/// <para>The name is not SoftwareGpu, because that is the namespace.</para>
/// </remarks>
public sealed unsafe class SoftwareGpuDevice : IGpuDevice
{
    private const int Channels = 2;

    private readonly SoftwareGpuUnitState[] _unitStates; // In the pinned heap: units keep pointers.
    private readonly SoftwareGpuUnit[] _units;
    private readonly SoftwareGpuDmaChannel[] _channels;
    private readonly SoftwareGpuScheduler _scheduler;
    private uint _nextChannel; // Interlocked.
    private int _lastAddressSpaceId;
    private int _disposing;
    private int _unplugged;
    private int _holds = 1; // Interlocked. The first one is the owner's, which Dispose drops; at 0 the memory is freed.
    private bool _disposed;
    private volatile SoftwareGpuRecording? _recording;

    /// <summary>Makes a device and starts its threads.</summary>
    /// <param name="options">How to build it; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="InsufficientMemoryException">The device memory cannot be reserved.</exception>
    public SoftwareGpuDevice(SoftwareGpuOptions? options = null)
    {
        options ??= new SoftwareGpuOptions();
        options.Validate();
        LinkGroup = options.LinkGroup;
        Memory = new SoftwareGpuMemory(options.MemoryBytes);
        CopyEngine = new SoftwareGpuCopyEngine(Memory, options.CopyEngineThread, options.InlineCopyBytes);
        Iommu = options.IommuBytes == 0 ? null : new SoftwareGpuIommu(options.IommuBytes);
        DmaMapper = Iommu ?? (IDmaMapper)new SoftwareGpuDmaMapper();
        PrefetchFaults = options.PrefetchFaults;
        AccessCounterPlaces = options.AccessCounterPlaces;
        StopsQueues = options.StopsQueues;
        GuardsSystemMemory = options.GuardsSystemMemory && GuardedCopy.IsAvailable;
        AllowsSystemWindow = options.AllowsSystemWindow;
        FaultBuffer = new SoftwareGpuFaultBuffer(options.ComputeUnits + Channels, options.WaitSpins);
        _unitStates = GC.AllocateArray<SoftwareGpuUnitState>(options.ComputeUnits + Channels, pinned: true);
        _units = new SoftwareGpuUnit[options.ComputeUnits];
        for (int i = 0; i < _units.Length; i++)
            _units[i] = new SoftwareGpuUnit(i, CreateMmu(i));
        _channels = new SoftwareGpuDmaChannel[Channels];
        for (int i = 0; i < Channels; i++)
            _channels[i] = new SoftwareGpuDmaChannel(CreateMmu(_units.Length + i));
        _scheduler = new SoftwareGpuScheduler(_units);
        Queue = CreateQueue();
    }

    /// <inheritdoc/>
    public string Name => $"software GPU, {_units.Length} compute units, {Memory.Bytes >> 10} KiB";

    /// <summary>Its memory.</summary>
    public SoftwareGpuMemory Memory { get; }

    /// <summary>Its copy engine.</summary>
    public SoftwareGpuCopyEngine CopyEngine { get; }

    /// <summary>Its way to system memory: <see cref="Iommu"/>, or without one a <see cref="SoftwareGpuDmaMapper"/>.</summary>
    public IDmaMapper DmaMapper { get; }

    /// <summary>The IOMMU that it stands behind; null without one.</summary>
    public SoftwareGpuIommu? Iommu { get; }

    /// <summary>Whom units tell of accesses without faults, from the next launch that they take part in on; null for nobody, which costs nothing.</summary>
    public SoftwareGpuRecording? Recording
    {
        get => _recording;
        set => _recording = value;
    }

    /// <summary>Whether units raise faults ahead of need.</summary>
    internal bool PrefetchFaults { get; }

    /// <summary>Notifications of access counters that can wait, for each address space.</summary>
    internal int AccessCounterPlaces { get; }

    /// <summary>Whether it can stop its queues.</summary>
    internal bool StopsQueues { get; }

    /// <summary>Whether units reach the program's pages by calls that can be refused.</summary>
    internal bool GuardsSystemMemory { get; }

    /// <summary>Whether a window may show the program's page at an address; null: any.</summary>
    internal Func<ulong, bool>? AllowsSystemWindow { get; }

    /// <summary>Its fault buffer.</summary>
    public SoftwareGpuFaultBuffer FaultBuffer { get; }

    /// <summary>Its first queue.</summary>
    public SoftwareGpuQueue Queue { get; }

    /// <summary>How many compute units it has.</summary>
    public int ComputeUnits => _units.Length;

    /// <inheritdoc/>
    IDeviceMemory IGpuDevice.Memory => Memory;

    /// <inheritdoc/>
    ICopyEngine IGpuDevice.CopyEngine => CopyEngine;

    /// <inheritdoc/>
    IDmaMapper? IGpuDevice.DmaMapper => DmaMapper;

    /// <inheritdoc/>
    IFaultBuffer IGpuDevice.FaultBuffer => FaultBuffer;

    /// <inheritdoc/>
    public bool IsUnplugged => Volatile.Read(ref _unplugged) != 0; // Pairs with BeginUnplug.

    /// <inheritdoc/>
    public int LinkGroup { get; }

    /// <inheritdoc/>
    public long LivePeerPages => PeerMappings.LivePages;

    /// <summary>How many keep its memory: the owner until dispose, pagemaps in use, and each page that peers have mapped.</summary>
    public int Holds => Volatile.Read(ref _holds); // Pairs with the interlocked changes below.

    /// <summary>What peers have mapped of its memory.</summary>
    internal SoftwareGpuPeerMappings PeerMappings { get; } = new();

    /// <inheritdoc/>
    public void BeginUnplug()
    {
        Volatile.Write(ref _unplugged, 1); // Pairs with IsUnplugged.
        _scheduler.Refuse();
    }

    /// <inheritdoc/>
    public bool TryHold() => TryHold(1);

    /// <summary>Keeps the memory alive several times over.</summary>
    /// <param name="count">How many holds.</param>
    /// <returns>False if it is disposed.</returns>
    private bool TryHold(int count)
    {
        for (int seen = Holds; seen != 0 && Volatile.Read(ref _disposing) == 0;)
        {
            int now = Interlocked.CompareExchange(ref _holds, seen + count, seen);
            if (now == seen)
                return true;
            seen = now;
        }

        return false;
    }

    /// <inheritdoc/>
    public void DropHold()
    {
        if (Interlocked.Decrement(ref _holds) == 0)
            Memory.Dispose();
    }

    /// <inheritdoc/>
    /// <remarks>Software GPUs of one process and one link group are linked: the address is where the frame's bytes lie in the process. Each page mapped keeps the memory, so that a
    /// peer that is late never follows a pointer to nowhere.</remarks>
    public SvmStatus MapForPeer(IGpuDevice peer, DeviceFrame first, PageOrder order, bool writable, out DeviceAddress address)
    {
        address = default;
        if (peer is not SoftwareGpuDevice || ReferenceEquals(peer, this) || peer.LinkGroup != LinkGroup)
            return SvmStatus.NotSupported;
        if (!Memory.Contains(first, order.Pages))
            return SvmStatus.CopyFailed;
        if (IsUnplugged || !TryHold(order.Pages))
            return SvmStatus.DeviceGone;
        address = new DeviceAddress((ulong)Memory.PointerOf(first), AddressProtocol.Peer, order, writable);
        PeerMappings.Add(peer, address);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Checks only: the peer has not mapped it.</exception>
    public void UnmapForPeer(IGpuDevice peer, DeviceAddress address)
    {
        PeerMappings.Remove(peer, address);
        if (Interlocked.Add(ref _holds, -address.Order.Pages) == 0) // The device was disposed under it. Freeing is not for here: a lock may be held.
            new SoftwareGpuMemoryRelease(Memory).Queue();
    }

    /// <summary>Whether it is closed: all launches have ended.</summary>
    internal bool IsDisposed => Volatile.Read(ref _disposed); // Pairs with Dispose.

    /// <summary>What the units tell invalidators.</summary>
    internal ReadOnlySpan<SoftwareGpuUnitState> UnitStates => _unitStates;

    /// <summary>Makes an empty page table for a new GPU address space.</summary>
    /// <param name="addressSpaceId">The number that faults of this space carry, from 1.</param>
    /// <returns>The page table; dispose it after the last launch in it has ended.</returns>
    public SoftwareGpuPageTable CreatePageTable(out int addressSpaceId)
    {
        addressSpaceId = Interlocked.Increment(ref _lastAddressSpaceId);
        return new SoftwareGpuPageTable(this, addressSpaceId);
    }

    /// <summary>Makes a queue beside the first one. Launches of several queues run at the same time, as far as there are units.</summary>
    /// <returns>The queue; close it when nothing more is to be started in it.</returns>
    public SoftwareGpuQueue CreateQueue() => new(this, _scheduler);

    /// <summary>Copies bytes between an address space and a buffer of the caller's as a DMA engine would: through the page table, with faults, without a compute unit.</summary>
    /// <param name="table">The address space; not disposed meanwhile.</param>
    /// <param name="address">The first byte there.</param>
    /// <param name="buffer">The caller's bytes, of any memory of the process that it may touch.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="write">True: into the address space.</param>
    /// <returns>What became of it.</returns>
    public SoftwareGpuTransfer Transfer(SoftwareGpuPageTable table, ulong address, byte* buffer, ulong bytes, bool write)
    {
        ArgumentNullException.ThrowIfNull(table);
        return _channels[Interlocked.Increment(ref _nextChannel) % Channels].Transfer(table, address, buffer, bytes, write);
    }

    /// <inheritdoc/>
    IDevicePageTable IGpuDevice.CreatePageTable(out int addressSpaceId) => CreatePageTable(out addressSpaceId);

    /// <summary>Makes the MMU of a unit or a channel.</summary>
    /// <param name="number">The unit's number; channels have those behind the units'.</param>
    /// <returns>The MMU.</returns>
    private SoftwareGpuMmu CreateMmu(int number)
    {
        // SAFETY: the array is pinned, and this object, which every MMU keeps, keeps it.
        var state = (SoftwareGpuUnitState*)Marshal.UnsafeAddrOfPinnedArrayElement(_unitStates, number);
        return new SoftwareGpuMmu(this, number, state);
    }

    /// <summary>Whether the caller is the thread of one of its units: a kernel, for which nothing may wait that waits for units.</summary>
    public bool IsUnitThread => _scheduler.IsInside;

    /// <summary>Reads the counters.</summary>
    /// <returns>What its units have done so far.</returns>
    public SoftwareGpuCounters ReadCounters()
    {
        SoftwareGpuCounters sum = new(_scheduler.Launches, 0, 0, 0, 0);
        foreach (SoftwareGpuUnit unit in _units)
        {
            sum = new SoftwareGpuCounters(
                sum.Launches,
                sum.Groups + unit.Groups,
                sum.Translations + unit.Mmu.Lookups,
                sum.TlbMisses + unit.Mmu.Misses,
                sum.Faults + unit.Mmu.Faults);
        }

        return sum;
    }

    /// <summary>
    /// Refuses new launches, waits for those inside (their faults must be served meanwhile, or the fault buffer closed), stops the threads, closes the fault buffer, and gives the memory back
    /// as soon as nobody has a hold on it. Afterwards everything answers <see cref="Core.SvmStatus.DeviceGone"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">Called from inside one of its own launches.</exception>
    public void Dispose()
    {
        _scheduler.ThrowIfInside();
        if (Interlocked.Exchange(ref _disposing, 1) != 0) // Pairs with TryHold.
            return;
        BeginUnplug();
        _scheduler.Stop();
        Volatile.Write(ref _disposed, true); // Pairs with IsDisposed.
        FaultBuffer.Close();
        foreach (SoftwareGpuDmaChannel channel in _channels)
            channel.Dispose();
        CopyEngine.Dispose();
        DevicePagemaps.Close(this);
        DropHold();
    }
}
