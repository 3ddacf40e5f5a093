// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;

namespace GpuSvm.Native;

/// <summary>Memory of the program that devices use in place, as C sees it.</summary>
/// <param name="owner">The session it is shown in.</param>
/// <param name="userptr">Its window in the VM.</param>
/// <param name="inPlace">Whether the host memory was told of it; shared memory it knows already.</param>
internal sealed class SessionUserptr(Session owner, GpuUserptr userptr, bool inPlace)
{
    private int _isEnding; // Interlocked.

    /// <summary>The session it is shown in.</summary>
    public Session Owner { get; } = owner;

    /// <summary>Its window in the VM.</summary>
    public GpuUserptr Userptr { get; } = userptr;

    /// <summary>Whether the host memory was told of it; shared memory it knows already.</summary>
    public bool InPlace { get; } = inPlace;

    /// <summary>The program's memory, in whole pages.</summary>
    public AddressRange Interval => Userptr.Interval;

    /// <summary>Makes the caller the one who ends it.</summary>
    /// <returns>False if somebody else does.</returns>
    public bool TryEnd() => Interlocked.Exchange(ref _isEnding, 1) == 0;
}
