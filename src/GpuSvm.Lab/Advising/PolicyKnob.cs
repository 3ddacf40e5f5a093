// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Advising;

/// <summary>A policy that can be chosen when memory is opened, with the words that each choice is said in.</summary>
/// <param name="Name">What the tool's option is called, without its dashes.</param>
/// <param name="Values">The choices that a program has too.</param>
/// <param name="Of">What some policies have chosen.</param>
/// <param name="With">The policies with another choice.</param>
/// <param name="Native">The field of gpusvm_options that says a choice, with its value.</param>
/// <param name="Managed">The property of SharedMemoryOptions that says a choice, with its value.</param>
public sealed record PolicyKnob(
    string Name, IReadOnlyList<string> Values, Func<ReplayPolicies, string> Of, Func<ReplayPolicies, string, ReplayPolicies> With, Func<string, string> Native, Func<string, string> Managed)
{
    private const string OnlyInTheLab = "random"; // A prefetch policy of the published comparison, which no program can choose.

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PolicyKnob> All { get; } =
    [
        new("chunk", ReplayPolicies.ChunkNames, policies => policies.Chunk, (policies, value) => policies with { Chunk = value }, value => $".largest_chunk_bytes = {ChunkBytes(value)}", value => $"LargestChunkBytes = {ChunkBytes(value)}"),
        new(
            "prefetch", [.. ReplayPolicies.PrefetchNames.Where(name => name != OnlyInTheLab)], policies => policies.Prefetch, (policies, value) => policies with { Prefetch = value },
            value => $".prefetch = GPUSVM_PREFETCH_{Capitals(value)}", value => $"Prefetch = PrefetchPolicy.{Words(value)}"),
        new("evict", ReplayPolicies.EvictNames, policies => policies.Evict, (policies, value) => policies with { Evict = value }, value => $".eviction = GPUSVM_EVICT_{Capitals(value)}", value => $"Eviction = EvictionPolicy.{Words(value)}"),
        new("thrash", ReplayPolicies.ThrashNames, policies => policies.Thrash, (policies, value) => policies with { Thrash = value }, value => $".thrash = GPUSVM_THRASH_{Capitals(value)}", value => $"Thrash = ThrashPolicy.{Words(value)}"),
        new(
            "placement", ReplayPolicies.PlacementNames, policies => policies.Placement, (policies, value) => policies with { Placement = value },
            value => $".migration = {(value == "system" ? 1 : 0)}", value => $"Migrate = {(value == "system" ? "false" : "true")}"),
    ];

    /// <summary>The bytes of a chunk.</summary>
    /// <param name="name">"64K".</param>
    /// <returns>65536, as digits.</returns>
    private static string ChunkBytes(string name) => (int.Parse(name[..^1], CultureInfo.InvariantCulture) << (name[^1] == 'M' ? 20 : 10)).ToString(CultureInfo.InvariantCulture);

    /// <summary>A name as C has it.</summary>
    /// <param name="name">"fault-order".</param>
    /// <returns>"FAULT_ORDER".</returns>
    private static string Capitals(string name) => name.Replace('-', '_').ToUpperInvariant();

    /// <summary>A name as C# has it.</summary>
    /// <param name="name">"fault-order".</param>
    /// <returns>"FaultOrder".</returns>
    private static string Words(string name) => string.Concat(name.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
}
