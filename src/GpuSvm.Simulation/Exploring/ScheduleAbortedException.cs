// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>Takes a thread out of a schedule that has failed: it unwinds, and nothing of it counts any more.</summary>
public sealed class ScheduleAbortedException() : Exception("The schedule has failed; this thread is being unwound.");
