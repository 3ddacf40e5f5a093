// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Exporting;

/// <summary>A record of any kind as one row of a table; what a kind does not have is null.</summary>
/// <param name="Record">The kind of record: Access, Kernel, Mapping, Advice, Prefetch, Bind, or the kind of an event.</param>
/// <param name="Time">Nanoseconds since the trace began; of an event its end.</param>
internal readonly record struct ExportRow(string Record, long Time)
{
    /// <summary>Nanoseconds it took.</summary>
    public long? Duration { get; init; }

    /// <summary>The first address.</summary>
    public ulong? Address { get; init; }

    /// <summary>How many bytes from there.</summary>
    public long? Bytes { get; init; }

    /// <summary>Who: a device or a CPU thread.</summary>
    public string? Agent { get; init; }

    /// <summary>Where pages were.</summary>
    public string? From { get; init; }

    /// <summary>Where they are, or who touched them.</summary>
    public string? To { get; init; }

    /// <summary>More words: of an access its kind, of a kernel or mapping begin or end, of an invalidation the change.</summary>
    public string? Detail { get; init; }

    /// <summary>On whose behalf.</summary>
    public string? Cause { get; init; }

    /// <summary>What came of it.</summary>
    public string? Status { get; init; }

    /// <summary>For whom an eviction was.</summary>
    public ulong? Culprit { get; init; }

    /// <summary>The program's name of a kernel or mapping; of a kernel its launch's number is before it.</summary>
    public string? Name { get; init; }
}
