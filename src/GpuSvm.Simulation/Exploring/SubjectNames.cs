// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Exploring;

/// <summary>Names for what schedule points concern.</summary>
internal static class SubjectNames
{
    /// <summary>What kind of object it is: a lock by its name, anything else by its type.</summary>
    /// <param name="subject">The object; null for none.</param>
    /// <returns>A few words; empty for none.</returns>
    public static string Of(object? subject) => subject switch
    {
        null => string.Empty,
        string note => note,
        RankedLock locked => locked.Name,
        RankedReaderWriterLock locked => locked.Name,
        SimulatedStep step => step.Operation.ToString(),
        IScheduleSubject named => named.ScheduleName,
        _ => subject.GetType().Name,
    };
}
