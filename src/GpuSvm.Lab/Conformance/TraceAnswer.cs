// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using GpuSvm.SoftwareGpu.Mirror;

namespace GpuSvm.Lab.Conformance;

/// <summary>What one step came to.</summary>
/// <param name="Result">0, minus the errno, or the signal's number.</param>
/// <param name="Progress">How far a device came, if the step tells.</param>
/// <param name="Hash">The FNV-1a hash of the bytes read, if the step tells.</param>
/// <param name="Snapshot">One byte a page, if the step is a snapshot.</param>
public sealed record TraceAnswer(int Result, MirrorProgress? Progress = null, uint? Hash = null, byte[]? Snapshot = null)
{
    /// <summary>Compares every field.</summary>
    /// <param name="other">Another answer.</param>
    /// <returns>True if all are equal.</returns>
    public bool Equals(TraceAnswer? other) =>
        other is not null && Result == other.Result && Progress == other.Progress && Hash == other.Hash
        && (Snapshot is null ? other.Snapshot is null : other.Snapshot is not null && Snapshot.AsSpan().SequenceEqual(other.Snapshot));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Result, Progress, Hash, Snapshot?.Length);

    /// <summary>The answer as traces write it.</summary>
    /// <returns>What stands behind the arrow.</returns>
    public override string ToString()
    {
        var text = new StringBuilder(Result.ToString(CultureInfo.InvariantCulture));
        if (Progress is { } progress)
            text.Append(CultureInfo.InvariantCulture, $" cp {progress.Pages} f {progress.Faults}");
        if (Hash is { } hash)
            text.Append(CultureInfo.InvariantCulture, $" h {hash:x8}");
        if (Snapshot is not null)
            text.Append(" [").AppendJoin(' ', Snapshot.Select(seen => seen.ToString("x2", CultureInfo.InvariantCulture))).Append(']');
        return text.ToString();
    }
}
