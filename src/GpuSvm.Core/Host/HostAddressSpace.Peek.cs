// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <content>What pictures of schedules show: looked at without locks, while every thread stands still wherever it is.</content>
public sealed partial class HostAddressSpace
{
    /// <summary>The sequence of the address space: odd while an event is under way that hit a notifier.</summary>
    internal long PeekSequence => Notifiers.PeekSequence;

    /// <summary>The entry of a page.</summary>
    /// <param name="page">The page.</param>
    /// <returns>A copy.</returns>
    internal PageEntry PeekEntry(VirtualAddress page) => _states.Peek(page);
}
