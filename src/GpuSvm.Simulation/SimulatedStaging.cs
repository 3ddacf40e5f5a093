// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Simulation;

/// <summary>A staging block of <see cref="SimulatedHostMemory"/>: frames that lie together. Attaching hands frames over to the page table one by one.</summary>
/// <remarks>Locking: its fields are guarded by the memory's lock; the bytes belong to the migration that holds the block.</remarks>
internal sealed class SimulatedStaging : HostStaging
{
    /// <summary>Wraps a block of frames.</summary>
    /// <param name="interval">The interval it will serve.</param>
    /// <param name="frame">The first frame.</param>
    /// <param name="pointer">Where the frames are reached.</param>
    /// <param name="filled">Whether all pages start as present.</param>
    public SimulatedStaging(AddressRange interval, int frame, DmaPointer pointer, bool filled)
    {
        Interval = interval;
        Frame = frame;
        Order = PageOrder.FloorOf(interval.Pages);
        Pointer = pointer;
        Owned = new FrameBitmap((int)interval.Pages);
        for (int page = 0; page < interval.Pages; page++)
            Owned.Add(page);
        SetPresent(0, (int)interval.Pages, filled);
    }

    /// <summary>The frame of page 0.</summary>
    public int Frame { get; }

    /// <summary>The pages whose frames are still the block's.</summary>
    public FrameBitmap Owned { get; }
}
