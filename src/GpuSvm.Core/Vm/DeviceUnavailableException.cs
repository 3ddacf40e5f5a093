// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;

namespace GpuSvm.Core.Vm;

/// <summary>A VM cannot be made because one of its devices cannot be used.</summary>
public sealed class DeviceUnavailableException : InvalidOperationException
{
    /// <summary>Says which device, and why.</summary>
    /// <param name="device">The device.</param>
    /// <param name="status">Why: <see cref="SvmStatus.DeviceGone"/>, <see cref="SvmStatus.ProcessGone"/>, <see cref="SvmStatus.OutOfHostMemory"/>.</param>
    internal DeviceUnavailableException(IGpuDevice device, SvmStatus status)
        : base($"The device '{device.Name}' cannot be used: {status.Describe()}.") => Status = status;

    /// <summary>Why.</summary>
    public SvmStatus Status { get; }
}
