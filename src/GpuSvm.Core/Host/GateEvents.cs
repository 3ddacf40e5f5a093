// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>What has come through one opening of the event gate, and is to be done when the gate is closed. Reused, so that events allocate nothing.</summary>
internal sealed class GateEvents
{
    /// <summary>What notifiers are to be told, in order.</summary>
    public List<MmuEvent> Events { get; } = [];

    /// <summary>The entries of pages that were dropped: what they lay in is to be released.</summary>
    public List<PageEntry> Released { get; } = [];

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        Events.Clear();
        Released.Clear();
    }
}
