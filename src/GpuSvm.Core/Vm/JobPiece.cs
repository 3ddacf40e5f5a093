// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Core.Vm;

/// <summary>Memory that a job has named, with what it was found to be.</summary>
/// <param name="Interval">GPU addresses, whole pages, inside one window.</param>
/// <param name="Access">The strongest access.</param>
/// <param name="Userptr">The user pointer shown there when the job was begun; null for shared memory.</param>
/// <param name="Watched">The CPU addresses whose changes may take something of it away: wider than the interval, because entries and ranges go whole.</param>
internal readonly record struct JobPiece(AddressRange Interval, MemoryAccess Access, GpuUserptr? Userptr, AddressRange Watched);
