// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Advising;

/// <summary>What was done to some memory in a replay.</summary>
/// <param name="interval">The memory.</param>
public sealed class IntervalUse(AdvisedInterval interval)
{
    /// <summary>The memory.</summary>
    public AdvisedInterval Interval { get; } = interval;

    /// <summary>How much was mapped at once, at most.</summary>
    public long Bytes { get; internal set; }

    /// <summary>Accesses of devices.</summary>
    public long DeviceAccesses { get; internal set; }

    /// <summary>Of these, those that wrote.</summary>
    public long DeviceWrites { get; internal set; }

    /// <summary>Accesses of CPU threads.</summary>
    public long CpuAccesses { get; internal set; }

    /// <summary>Bytes that moved, to devices and back.</summary>
    public long MovedBytes { get; internal set; }

    /// <summary>Faults of devices and CPU threads.</summary>
    public long Faults { get; internal set; }
}
