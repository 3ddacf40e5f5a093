// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Lab.Replay;

/// <summary>A copy engine that copies nothing: a replay has no contents. It counts bytes and lets the time pass that a copy would take.</summary>
/// <param name="clock">The time.</param>
/// <param name="model">What copies cost.</param>
internal sealed class ReplayCopyEngine(VirtualClock clock, CostModel model) : ICopyEngine
{
    private readonly long _setUp = (long)(model.CopySetUpNanoseconds * VirtualClock.PicosecondsPerNanosecond);

    /// <summary>Bytes copied to the device.</summary>
    public long BytesToDevice { get; private set; }

    /// <summary>Bytes copied to RAM.</summary>
    public long BytesToHost { get; private set; }

    /// <summary>Bytes copied to other devices.</summary>
    public long BytesToPeers { get; private set; }

    /// <summary>Copies made.</summary>
    public long Copies { get; private set; }

    /// <inheritdoc/>
    public SvmStatus CopyToDevice(DmaPointer source, DeviceFrame destination, int pages, out ulong fence)
    {
        BytesToDevice += Begin(pages, out fence);
        clock.Charge(ReplayCost.ToDevice, _setUp + model.ToDevice.Picoseconds((long)pages << PageSize.Shift));
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus CopyToHost(DeviceFrame source, DmaPointer destination, int pages, out ulong fence)
    {
        BytesToHost += Begin(pages, out fence);
        clock.Charge(ReplayCost.ToHost, _setUp + model.ToHost.Picoseconds((long)pages << PageSize.Shift));
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus CopyToPeer(DeviceFrame source, DeviceAddress destination, int pages, out ulong fence)
    {
        BytesToPeers += Begin(pages, out fence);
        clock.Charge(ReplayCost.ToDevice, _setUp + model.ToDevice.Picoseconds((long)pages << PageSize.Shift));
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus Clear(DeviceFrame destination, int pages, out ulong fence)
    {
        fence = 0;
        clock.Charge(ReplayCost.Clear, (long)(((long)pages << PageSize.Shift) * VirtualClock.PicosecondsPerNanosecond / model.DeviceGigabytesPerSecond));
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus Wait(ulong fence) => SvmStatus.Done;

    /// <summary>Counts a copy; it is over when the call returns.</summary>
    /// <param name="pages">Its pages.</param>
    /// <param name="fence">What to wait for: nothing.</param>
    /// <returns>Its bytes.</returns>
    private long Begin(int pages, out ulong fence)
    {
        fence = 0;
        Copies++;
        return (long)pages << PageSize.Shift;
    }
}
