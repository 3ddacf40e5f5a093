// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;

namespace GpuSvm.Native;

/// <summary>Memory of the program that devices use in place, as C sees it.</summary>
/// <param name="Owner">The session it is shown in.</param>
/// <param name="Userptr">Its window in the VM.</param>
/// <param name="InPlace">Whether the host memory was told of it; shared memory it knows already.</param>
internal sealed record SessionUserptr(Session Owner, GpuUserptr Userptr, bool InPlace)
{
    /// <summary>The program's memory, in whole pages.</summary>
    public AddressRange Interval => Userptr.Interval;
}
