// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>A region of addresses that a device has used often where it is.</summary>
/// <param name="Region">The region, aligned to its size; not all of it need be mapped.</param>
/// <param name="Accesses">How many accesses were counted since its counter was cleared.</param>
/// <param name="Doublings">With what it was cleared then: the threshold was doubled so often.</param>
public readonly record struct AccessNotification(AddressRange Region, long Accesses, int Doublings);
