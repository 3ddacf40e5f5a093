// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Conformance;

/// <summary>Pages that a <see cref="RecordingClient"/> has taken from the CPU: its device memory.</summary>
/// <remarks>Locking: guarded by the client's gate; while it is moving, its contents belong to the thread that moves it.</remarks>
internal sealed class AwayBlock
{
    /// <summary>Makes a block of holes that is being moved.</summary>
    /// <param name="interval">Where its pages belong.</param>
    public AwayBlock(AddressRange interval)
    {
        Interval = interval;
        Pages = new byte[]?[interval.Pages];
        Dropped = new bool[interval.Pages];
        IsMoving = true;
    }

    /// <summary>Where its pages belong.</summary>
    public AddressRange Interval { get; }

    /// <summary>The bytes of each page; null for a hole, which reads as zeroes.</summary>
    public byte[]?[] Pages { get; }

    /// <summary>Pages that must not come back: unmapped or discarded meanwhile.</summary>
    public bool[] Dropped { get; }

    /// <summary>Whether a thread is moving it, in either direction.</summary>
    public bool IsMoving { get; set; }
}
