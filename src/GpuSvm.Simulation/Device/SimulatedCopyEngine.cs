// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Simulation.Device;

/// <summary>Copies for whoever asks, page by page, with a schedule point before each page; what is queued is done already.</summary>
/// <param name="gpu">The device.</param>
public sealed class SimulatedCopyEngine(SimulatedGpu gpu) : ICopyEngine
{
    /// <inheritdoc/>
    public SvmStatus CopyToDevice(DmaPointer source, DeviceFrame destination, int pages, out ulong fence)
    {
        fence = 0;
        for (int page = 0; page < pages; page++)
        {
            SvmStatus status = gpu.Host.DmaCopyFrom(source + ((long)page << PageSize.Shift), gpu.Memory.Bytes(destination + page, 1));
            if (!status.IsDone())
                return status;
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus CopyToHost(DeviceFrame source, DmaPointer destination, int pages, out ulong fence)
    {
        fence = 0;
        for (int page = 0; page < pages; page++)
        {
            SvmStatus status = gpu.Host.DmaCopyTo(destination + ((long)page << PageSize.Shift), gpu.Memory.Bytes(source + page, 1));
            if (!status.IsDone())
                return status;
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus CopyToPeer(DeviceFrame source, DeviceAddress destination, int pages, out ulong fence)
    {
        fence = 0;
        (SimulatedGpu owner, ulong frame) = destination.Protocol == AddressProtocol.Peer ? gpu.PeerFrame(destination) : (gpu, destination.Address >> PageSize.Shift);
        for (int page = 0; page < pages; page++)
            gpu.Memory.Bytes(source + page, 1).CopyTo(owner.Memory.Bytes(new DeviceFrame((int)frame + page), 1));
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus Clear(DeviceFrame destination, int pages, out ulong fence)
    {
        fence = 0;
        gpu.Memory.Bytes(destination, pages).Clear();
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus Wait(ulong fence) => SvmStatus.Done;
}
