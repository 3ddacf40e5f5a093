// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>An object with a name of its own in schedules.</summary>
public interface IScheduleSubject
{
    /// <summary>Its name, in a few words.</summary>
    string ScheduleName { get; }
}
