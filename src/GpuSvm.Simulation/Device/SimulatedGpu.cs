// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.Simulation.Device;

/// <summary>
/// The smallest device that can be wrong in every way that matters: memory, a copy engine, page tables, an IOMMU and units with TLBs, all without a thread of their own. Each step of a unit's
/// access is a schedule point, so an invalidation can come between any two of them.
/// </summary>
/// <remarks>
/// <para><b>What it checks.</b> A unit that uses a device address that is not mapped, a frame that is not taken, or a translation whose flush has been waited for, ends the schedule: the software
/// GPU would read somebody else's bytes instead. Device addresses are never given out twice.</para>
/// <para><b>Who drives it.</b> A thread of an explored program calls <see cref="SimulatedUnit.Access"/>; there it takes its own faults to the handler, as a service thread would.</para>
/// <para>Locking: its parts have locks of the ranks that the contract gives them.</para>
/// </remarks>
public sealed class SimulatedGpu : IGpuDevice
{
    private readonly Dictionary<int, SimulatedGpu> _linked; // By number; shared by all devices of a machine.
    private readonly RankedLock _peerLock = new(LockRank.Leaf, "peer mappings");
    private readonly Dictionary<ulong, int> _peers = []; // By frame number: how often peers have it mapped. Guarded by _peerLock.
    private readonly List<SimulatedPageTable> _tables = [];
    private long _livePeerPages; // Guarded by _peerLock.
    private int _holds = 1; // Interlocked; the first is the owner's.
    private int _isUnplugged;
    private int _isDisposed;

    /// <summary>Makes a device.</summary>
    /// <param name="host">The machine's memory, which its copies and DMA go to.</param>
    /// <param name="pages">Its own memory in pages, at least 1.</param>
    /// <param name="linked">The devices of the machine that can reach each other's memory; it adds itself.</param>
    public SimulatedGpu(IProgramMemory host, int pages, Dictionary<int, SimulatedGpu>? linked = null)
    {
        _linked = linked ?? [];
        Number = _linked.Count;
        _linked.Add(Number, this);
        Host = host;
        Memory = new SimulatedGpuMemory(Number, pages);
        CopyEngine = new SimulatedCopyEngine(this);
        DmaMapper = new SimulatedDmaMapper();
    }

    /// <inheritdoc/>
    public string Name => $"simulated GPU {Number}";

    /// <summary>Its number in the machine, from 0.</summary>
    public int Number { get; }

    /// <summary>The machine's memory.</summary>
    internal IProgramMemory Host { get; }

    /// <summary>Its memory.</summary>
    public SimulatedGpuMemory Memory { get; }

    /// <summary>Its IOMMU.</summary>
    public SimulatedDmaMapper DmaMapper { get; }

    /// <summary>Its copy engine.</summary>
    public SimulatedCopyEngine CopyEngine { get; }

    /// <inheritdoc/>
    IDeviceMemory IGpuDevice.Memory => Memory;

    /// <inheritdoc/>
    ICopyEngine IGpuDevice.CopyEngine => CopyEngine;

    /// <inheritdoc/>
    IDmaMapper? IGpuDevice.DmaMapper => DmaMapper;

    /// <inheritdoc/>
    public IFaultBuffer FaultBuffer => throw new NotSupportedException("A simulated GPU has no fault buffer: its units take their faults to the handler themselves.");

    /// <inheritdoc/>
    public bool IsUnplugged => Volatile.Read(ref _isUnplugged) != 0; // Pairs with BeginUnplug.

    /// <inheritdoc/>
    public int LinkGroup => 1;

    /// <inheritdoc/>
    public long LivePeerPages
    {
        get
        {
            using (_peerLock.Enter())
                return _livePeerPages;
        }
    }

    /// <inheritdoc/>
    public void BeginUnplug()
    {
        SchedulePoint.Reach(SchedulePointKind.Atomic, Memory);
        Volatile.Write(ref _isUnplugged, 1); // Pairs with IsUnplugged.
    }

    /// <inheritdoc/>
    public bool TryHold()
    {
        if (Volatile.Read(ref _isDisposed) != 0) // Pairs with Dispose.
            return false;
        Interlocked.Increment(ref _holds);
        return true;
    }

    /// <inheritdoc/>
    public void DropHold() => Interlocked.Decrement(ref _holds);

    /// <inheritdoc/>
    public SvmStatus MapForPeer(IGpuDevice peer, DeviceFrame first, PageOrder order, bool writable, out DeviceAddress address)
    {
        address = default;
        if (peer is not SimulatedGpu || ReferenceEquals(peer, this))
            return SvmStatus.NotSupported;
        if (IsUnplugged)
            return SvmStatus.DeviceGone;
        using (_peerLock.Enter())
        using (Core.Locking.AllocationWatch.Pause())
        {
            for (int page = 0; page < order.Pages; page++)
                _peers[(ulong)(first.Number + page)] = _peers.GetValueOrDefault((ulong)(first.Number + page)) + 1;
            _livePeerPages += order.Pages;
        }

        address = new DeviceAddress(((ulong)Number << 40) | (ulong)first.OffsetBytes, AddressProtocol.Peer, order, writable);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The peer has not mapped it.</exception>
    public void UnmapForPeer(IGpuDevice peer, DeviceAddress address)
    {
        using (_peerLock.Enter())
        {
            ulong first = PeerFrame(address).Frame;
            for (ulong page = first; page < first + (ulong)address.Order.Pages; page++)
            {
                if (_peers.GetValueOrDefault(page) == 0)
                    throw new InvalidOperationException($"{peer.Name} unmaps frame {page} of {Name}, which it has not mapped.");
                _peers[page]--;
            }

            _livePeerPages -= address.Order.Pages;
        }
    }

    /// <inheritdoc/>
    public IDevicePageTable CreatePageTable(out int addressSpaceId)
    {
        var table = new SimulatedPageTable(this);
        _tables.Add(table);
        addressSpaceId = _tables.Count;
        return table;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) // Pairs with TryHold.
            return;
        BeginUnplug();
        DevicePagemaps.Close(this);
        DropHold();
    }

    /// <summary>Reads, writes or adds where a translation leads.</summary>
    /// <param name="entry">The translation of the page.</param>
    /// <param name="address">The address of a 64-bit number, 8-byte aligned.</param>
    /// <param name="access">What is done; an atomic adds.</param>
    /// <param name="value">What is written or added; receives what is read.</param>
    /// <param name="leave">Ends the unit's access: called before a page of the program is used by a call in which the unit may sleep until somebody serves its fault. Whoever does may be waiting for units. From there
    /// on the page is reached by its address alone, whatever becomes of the translation.</param>
    /// <returns>False if it leads to RAM, and the program has taken its page away, of which nobody has been told yet. A device that is told late, as behind userfaultfd, must reach
    /// the program's pages by calls that notice.</returns>
    /// <exception cref="Exploring.ScheduleFailedException">The translation leads where nothing of the program is.</exception>
    internal bool TryUse(DeviceAddress entry, VirtualAddress address, MemoryAccess access, ref long value, Action leave)
    {
        int offset = (int)(address.Value & (PageSize.Bytes - 1));
        if (entry.Protocol == AddressProtocol.System)
        {
            DmaPointer pointer = DmaMapper.Resolve(entry) + offset;
            if (Host.IsConcurrent && (ulong)pointer.Value == address.Value)
                leave();
            return access == MemoryAccess.Atomic ? Host.TryAdd(address, pointer, value)
                : Host.TryUse(address, pointer, MemoryMarshal.AsBytes(new Span<long>(ref value)), access == MemoryAccess.Write);
        }

        (SimulatedGpu owner, ulong frame) = entry.Protocol == AddressProtocol.Peer ? PeerFrame(entry) : (this, entry.Address >> PageSize.Shift);
        owner.Memory.Use((int)frame, offset, access, ref value);
        return true;
    }

    /// <summary>Where a peer mapping leads.</summary>
    /// <param name="address">The mapping.</param>
    /// <returns>The device and the frame's number.</returns>
    internal (SimulatedGpu Owner, ulong Frame) PeerFrame(DeviceAddress address) =>
        (_linked[(int)(address.Address >> 40)], (address.Address & ((1UL << 40) - 1)) >> PageSize.Shift);
}
