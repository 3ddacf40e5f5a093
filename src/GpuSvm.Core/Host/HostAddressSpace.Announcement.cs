// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <content>Events that a driver sends.</content>
public sealed partial class HostAddressSpace
{
    /// <summary>Tells every notifier that an event touches, with nothing changing behind it: for a driver whose protocol calls for an event also where it finds nothing
    /// to move, or that has replaced a page its peers may have mapped. Kernel: mmu_notifier_invalidate_range_start and _end around nothing.</summary>
    /// <param name="mmuEvent">The event; it may block.</param>
    /// <remarks>Locking: nothing of rank Notifier or deeper may be held.</remarks>
    public void Invalidate(in MmuEvent mmuEvent)
    {
        if (!Notifiers.InvalidateStart(mmuEvent))
            throw new ArgumentException("A notifier refused the event; only one that may block can be sent.", nameof(mmuEvent));
        Notifiers.InvalidateEnd();
    }
}
