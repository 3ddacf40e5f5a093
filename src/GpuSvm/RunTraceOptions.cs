// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>How a run is recorded. The defaults record all that a replay needs.</summary>
public sealed record RunTraceOptions
{
    /// <summary>Of the devices' accesses that raise no fault, every so many-th of each compute unit is recorded; 0, the default, for first uses only, which evictions depend on.</summary>
    public int AccessesEvery { get; init; }

    /// <summary>Records that can wait for the writer, 2 to 4,194,304, rounded up to a power of two; 0, the default, for 131,072. What comes while it is full is lost, and counted.</summary>
    public int BufferRecords { get; init; }

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is out of its range.</exception>
    internal void Validate()
    {
        const int mostRecords = 1 << 22;
        ArgumentOutOfRangeException.ThrowIfNegative(AccessesEvery);
        ArgumentOutOfRangeException.ThrowIfNegative(BufferRecords);
        ArgumentOutOfRangeException.ThrowIfEqual(BufferRecords, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(BufferRecords, mostRecords);
    }
}
