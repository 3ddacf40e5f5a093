// SPDX-License-Identifier: MIT
namespace GpuSvm.Traces;

/// <summary>How the reading of a trace ended.</summary>
public enum TraceEnd
{
    /// <summary>It has not: there is more.</summary>
    None,

    /// <summary>The writer said that this is all.</summary>
    Complete,

    /// <summary>The file stops where a block should begin or go on: the writer was stopped. Everything before has been read.</summary>
    CutOff,

    /// <summary>A block is not as it was written. Everything before has been read.</summary>
    Damaged,
}
