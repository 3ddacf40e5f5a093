// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Vm;

/// <summary>How far a job is.</summary>
internal enum JobState
{
    /// <summary>Its memory is being bound; nothing of it runs.</summary>
    Binding,

    /// <summary>It may run: what it named is bound, or its queues are stopped.</summary>
    Running,

    /// <summary>It has lost memory that could not be brought back; queues do not wait for it any more.</summary>
    Failed,

    /// <summary>It is over.</summary>
    Ended,
}
