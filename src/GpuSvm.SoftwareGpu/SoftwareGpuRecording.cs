// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.SoftwareGpu;

/// <summary>Whom a device's units tell of accesses that raise no fault. Of memory of the device's own they tell of the first use of each 64 KiB since a policy looked, for on that evictions depend.</summary>
/// <param name="Recorder">The recording.</param>
/// <param name="Device">The device's number in it.</param>
/// <param name="Every">Beside those every so many-th translation of each unit; 0 for none.</param>
public sealed record SoftwareGpuRecording(IRunRecorder Recorder, int Device, int Every = 0)
{
    /// <summary>Tells of an access.</summary>
    /// <param name="address">What was accessed.</param>
    /// <param name="access">How.</param>
    internal void Tell(ulong address, MemoryAccess access) => Recorder.Access(new VirtualAddress(address), access, Device);
}
