// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <summary>What threads of explored programs say about themselves, for pictures.</summary>
public static class ScheduleNotes
{
    /// <summary>Says what the calling thread is about to do; nothing where its turns are nobody's to decide.</summary>
    /// <param name="what">What, in the program's own words.</param>
    public static void Say(string what) => (SchedulePoint.Scheduled as ScheduledThread)?.Note(what);
}
