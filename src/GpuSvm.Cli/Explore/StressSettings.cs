// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Stress;

namespace GpuSvm.Cli.Explore;

/// <summary>What `gpusvm explore` says about memory and delays, as the user asked.</summary>
internal static class StressSettings
{
    /// <summary>Whether scenarios run on real memory.</summary>
    /// <param name="memory">Of --memory; null for the default.</param>
    /// <param name="delay">Of --delay; only real memory has delays.</param>
    /// <exception cref="InputException">One cannot be used; the message names the remedy.</exception>
    public static bool IsReal(string? memory, string? delay)
    {
        if (memory is not (null or "simulated" or "real"))
            throw new InputException($"--memory {memory}: unknown; use simulated or real");
        if (memory != "real" && delay is not null)
            throw new InputException("--delay: only threads on real memory are delayed; add --memory real");
        return memory == "real";
    }

    /// <summary>Makes the plan of the runs.</summary>
    /// <param name="delay">Of --delay; null for the default.</param>
    /// <param name="replay">Of --replay: the schedule that all runs follow; null for one each.</param>
    /// <param name="settings">Strategy and seed.</param>
    /// <exception cref="InputException">A value cannot be used; the message names the remedy.</exception>
    public static StressPlan PlanOf(string? delay, string? replay, ExploreSettings settings)
    {
        (DelayMode mode, ulong? seed) = ParseDelay(delay ?? (replay is null ? "mixed" : "follow"));
        return new StressPlan
        {
            Mode = mode,
            Seed = seed ?? (ulong)settings.Seed,
            KeepsSeed = seed is not null,
            Schedule = replay is null ? null : ExploreSettings.ParseDecisions(replay),
            MakeStrategy = settings.CreateStrategy,
        };
    }

    /// <summary>Reads how runs are delayed.</summary>
    /// <param name="text">A mode, or random:SEED.</param>
    private static (DelayMode Mode, ulong? Seed) ParseDelay(string text) => text switch
    {
        "mixed" => (DelayMode.Mixed, null),
        "none" => (DelayMode.None, null),
        "random" => (DelayMode.Random, null),
        "follow" => (DelayMode.Follow, null),
        _ when text.StartsWith("random:", StringComparison.Ordinal) && ulong.TryParse(text["random:".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed) => (DelayMode.Random, seed),
        _ => throw new InputException($"--delay {text}: unknown; use mixed, none, random, random:SEED or follow"),
    };
}
