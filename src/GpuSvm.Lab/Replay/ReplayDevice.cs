// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Lab.Replay;

/// <summary>
/// The device of a replay: the software GPU's memory, page table and DMA mapper, watched, and a copy engine that counts. No kernel runs on it; the replay makes its accesses.
/// </summary>
internal sealed class ReplayDevice : IGpuDevice
{
    private readonly SoftwareGpuDevice _inner;
    private readonly ReplayBlocks _blocks;
    private readonly VirtualClock _clock;
    private readonly CostModel _model;

    /// <summary>Makes the device.</summary>
    /// <param name="number">Its number, from 0.</param>
    /// <param name="memoryBytes">Its memory.</param>
    /// <param name="blocks">What the replay knows of pages.</param>
    /// <param name="clock">The time.</param>
    /// <param name="model">What things cost.</param>
    /// <param name="markPages">For how many pages a use mark of its memory stands.</param>
    public ReplayDevice(int number, long memoryBytes, ReplayBlocks blocks, VirtualClock clock, CostModel model, int markPages)
    {
        _inner = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = memoryBytes, ComputeUnits = 1 });
        (_blocks, _clock, _model) = (blocks, clock, model);
        Number = number;
        Memory = new ReplayMemory(_inner.Memory, blocks, number, markPages);
        CopyEngine = new ReplayCopyEngine(clock, model);
    }

    /// <summary>Its number.</summary>
    public int Number { get; }

    /// <inheritdoc/>
    public string Name => $"replayed device {Number}, {_inner.Memory.Bytes >> 10} KiB";

    /// <summary>Its memory.</summary>
    public ReplayMemory Memory { get; }

    /// <summary>Its copy engine.</summary>
    public ReplayCopyEngine CopyEngine { get; }

    /// <summary>Its page table, once its address space was made.</summary>
    public ReplayPageTable? PageTable { get; private set; }

    /// <inheritdoc/>
    IDeviceMemory IGpuDevice.Memory => Memory;

    /// <inheritdoc/>
    ICopyEngine IGpuDevice.CopyEngine => CopyEngine;

    /// <inheritdoc/>
    public IDmaMapper? DmaMapper => _inner.DmaMapper;

    /// <inheritdoc/>
    public IFaultBuffer FaultBuffer => _inner.FaultBuffer;

    /// <inheritdoc/>
    public bool IsUnplugged => _inner.IsUnplugged;

    /// <inheritdoc/>
    public int LinkGroup => _inner.LinkGroup;

    /// <inheritdoc/>
    public long LivePeerPages => _inner.LivePeerPages;

    /// <inheritdoc/>
    public void BeginUnplug() => _inner.BeginUnplug();

    /// <inheritdoc/>
    public bool TryHold() => _inner.TryHold();

    /// <inheritdoc/>
    public void DropHold() => _inner.DropHold();

    /// <inheritdoc/>
    public SvmStatus MapForPeer(IGpuDevice peer, DeviceFrame first, PageOrder order, bool writable, out DeviceAddress address) =>
        _inner.MapForPeer(InnerOf(peer), first, order, writable, out address);

    /// <inheritdoc/>
    public void UnmapForPeer(IGpuDevice peer, DeviceAddress address) => _inner.UnmapForPeer(InnerOf(peer), address);

    /// <inheritdoc/>
    public IDevicePageTable CreatePageTable(out int addressSpaceId) =>
        PageTable = new ReplayPageTable(_inner.CreatePageTable(out addressSpaceId), _blocks, Number, _clock, _model);

    /// <inheritdoc/>
    public void Dispose() => _inner.Dispose();

    /// <summary>The software GPU in a peer.</summary>
    /// <param name="peer">The peer.</param>
    /// <returns>Its software GPU, or the peer itself.</returns>
    private static IGpuDevice InnerOf(IGpuDevice peer) => peer is ReplayDevice other ? other._inner : peer;
}
