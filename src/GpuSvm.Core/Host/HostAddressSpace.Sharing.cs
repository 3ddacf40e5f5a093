// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <content>Pages that stay in RAM and are only read, so that devices may have copies of them: read duplication.</content>
/// <remarks>
/// A shared page is write-protected for the CPU, and no device can write it. Whoever wants to write it has it populated for writing, which first tells the notifiers
/// (<see cref="MmuEventKind.Collapse"/>), so that every copy is gone before the right to write is given. Nobody counts copies: a copy belongs to the mapping that shows it
/// and goes with it. What moves, unmaps or discards shared pages invalidates mappings anyway, and with them the copies.
/// </remarks>
public sealed partial class HostAddressSpace
{
    private const HostMemoryCapabilities NeededToShare = HostMemoryCapabilities.CpuFaults | HostMemoryCapabilities.WriteProtect;

    /// <summary>Whether pages can be shared here: the memory announces a CPU write to a protected page.</summary>
    public bool CanShare => (Memory.Capabilities & NeededToShare) == NeededToShare;

    /// <summary>The pages that are shared.</summary>
    internal SharedPages Shared { get; } = new();

    /// <summary>Remembers which pages frames are copies of, for evictions.</summary>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <param name="first">The first frame; nobody's until now.</param>
    /// <param name="interval">The pages, one a frame.</param>
    internal void NoteCopies(int pagemap, DeviceFrame first, AddressRange interval) => _states.NoteCopies(pagemap, first, interval);

    /// <summary>The page that a frame is a copy of.</summary>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <param name="frame">The frame.</param>
    /// <returns>The page; null if the frame is none. Of a frame that has been given back it may be a page from before.</returns>
    internal VirtualAddress? FindCopied(int pagemap, DeviceFrame frame) => _states.FindCopied(pagemap, frame);

    /// <summary>Tells the notifiers, if some of the pages are shared, that they are about to be written. Afterwards there are no copies.</summary>
    /// <param name="interval">Pages claimed by the caller.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <returns>Whether an event has begun: the caller ends it once the pages are writable.</returns>
    private bool BeginCollapse(AddressRange interval, MigrationCause cause)
    {
        if (!Shared.Remove(interval))
            return false;
        Notifiers.InvalidateStart(new MmuEvent(interval, MmuEventKind.Collapse, cause));
        return true;
    }
}
