// SPDX-License-Identifier: MIT
namespace GpuSvm.Traces;

/// <summary>How a run is recorded.</summary>
public sealed record RunRecorderOptions
{
    /// <summary>The fewest records that can wait.</summary>
    public const int LeastBuffer = 2;

    /// <summary>The most.</summary>
    public const int MostBuffer = 1 << 22;

    /// <summary>Records that can wait for the writer, a power of two; what comes while it is full is counted, and missing. 128 Ki take 16 MiB.</summary>
    public int BufferRecords { get; init; } = 1 << 17;

    /// <summary>How long what was recorded may wait in the process: what a kill costs.</summary>
    public TimeSpan FlushInterval { get; init; } = TimeSpan.FromMilliseconds(200);
}
