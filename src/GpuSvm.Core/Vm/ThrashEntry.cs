// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>What is remembered of one block of addresses that has left a device. Timestamps are the host's; 0 for never.</summary>
internal struct ThrashEntry
{
    /// <summary>The block; empty for nobody's entry.</summary>
    public AddressRange Block;

    /// <summary>Moves in a row, each within the window of the one before.</summary>
    public int Moves;

    /// <summary>When the last one was, or the end of a throttle after it.</summary>
    public long LastMove;

    /// <summary>When a GPU fault last brought pages.</summary>
    public long Arrived;

    /// <summary>Whether they left last to make room.</summary>
    public bool WasEvicted;

    /// <summary>Whether this quarrel has been told of.</summary>
    public bool IsDetected;

    /// <summary>Throttles in this quarrel.</summary>
    public int Throttled;

    /// <summary>When the throttle began that is not over yet; 0 for none.</summary>
    public long ThrottleStart;

    /// <summary>When it ends.</summary>
    public long ThrottleEnd;

    /// <summary>Whose touch is held back: the pagemap's index.</summary>
    public int ThrottledDevice;

    /// <summary>Whether the touch that was held back has not been served yet: it is not held back again.</summary>
    public bool MustServe;

    /// <summary>When the pin ends, or the last one ended.</summary>
    public long PinEnd;

    /// <summary>Whether it is pinned: until the end has been dealt with.</summary>
    public bool IsPinned;

    /// <summary>Pins, each within a second of the end of the one before.</summary>
    public int Pins;
}
