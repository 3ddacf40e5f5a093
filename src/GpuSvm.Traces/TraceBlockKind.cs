// SPDX-License-Identifier: MIT
namespace GpuSvm.Traces;

/// <summary>What a block of a trace file holds.</summary>
internal enum TraceBlockKind : uint
{
    /// <summary>The header: the first block, and no other.</summary>
    Header = 0,

    /// <summary>Records.</summary>
    Records = 1,

    /// <summary>Nothing: the trace was written to its end.</summary>
    End = 2,
}
