// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Explaining;

/// <summary>Something to try: advice, a prefetch, or another policy. A replay can be made with it.</summary>
/// <param name="Text">What, in words.</param>
/// <param name="How">How to do it: a line of C#, or an option of the tool.</param>
public sealed record Suggestion(string Text, string How)
{
    /// <summary>For which addresses; null for all.</summary>
    public AddressRange? Interval { get; init; }

    /// <summary>What is advised there; null for nothing.</summary>
    public MemoryAdvice? Advice { get; init; }

    /// <summary>Whether the interval is brought to the device before kernels that use it.</summary>
    public bool Prefetches { get; init; }

    /// <summary>Whether it is brought back after them.</summary>
    public bool BringsHome { get; init; }

    /// <summary>The kernels that are meant: one launch by its number; null for every launch of <see cref="Kernel"/>, or where the trace has no kernels for the first access.</summary>
    public long? Launch { get; init; }

    /// <summary>Every launch of kernels of this name; empty where <see cref="Launch"/> says which.</summary>
    public string Kernel { get; init; } = "";

    /// <summary>Other policies; null for the same.</summary>
    public Func<ReplayPolicies, ReplayPolicies>? Policies { get; init; }

    /// <summary>Which policy it is that changes; empty for none. Two that change the same one do not go together.</summary>
    public string PolicyKind { get; init; } = "";

    /// <summary>Whether another one cannot be followed at the same time.</summary>
    /// <param name="other">The other.</param>
    public bool Excludes(Suggestion other) =>
        PolicyKind.Length > 0 || other.PolicyKind.Length > 0 ? PolicyKind == other.PolicyKind : Interval is { } mine && other.Interval is { } theirs && mine.Overlaps(theirs);
}
