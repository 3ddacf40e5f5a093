// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>A change under way that may take something bound away.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Interval">CPU addresses.</param>
/// <param name="Devices">The devices whose queues had to be stopped for it: bit i for device i.</param>
internal readonly record struct JobStop(long Number, AddressRange Interval, ulong Devices);
