// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation;

/// <summary>
/// When the pages of a madvise go, seen from the event that announces it. Linux wakes the caller when the event is read, so on a real machine
/// both orders happen.
/// </summary>
public enum DiscardOrder
{
    /// <summary>The caller comes late: the event has been handled and the gate is closed before the pages go.</summary>
    AfterGate,

    /// <summary>The caller is quick: the pages go as soon as the event is read, before it is handled.</summary>
    OnRead,
}
