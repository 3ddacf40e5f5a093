// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Cli.Commands;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Cli.Explore;

/// <summary>How `gpusvm explore` searches, as the user asked.</summary>
internal sealed record ExploreSettings
{
    private const int MostProcesses = 64;

    /// <summary>Reads the options.</summary>
    /// <param name="strategy">Of --strategy; null for the default, as all of these.</param>
    /// <param name="bound">Of --bound.</param>
    /// <param name="budget">Of --budget.</param>
    /// <param name="seed">Of --seed.</param>
    /// <param name="threads">Of --threads.</param>
    /// <param name="share">Of --share.</param>
    /// <exception cref="InputException">One cannot be used; the message names the remedy.</exception>
    public ExploreSettings(string? strategy, string? bound, string? budget, string? seed, string? threads, string? share)
    {
        StrategyName = strategy ?? "exhaustive";
        if (StrategyName is not ("exhaustive" or "pct" or "random"))
            throw new InputException($"--strategy {strategy}: unknown; use exhaustive, pct or random");
        Bound = bound is null ? StrategyName == "pct" ? 3 : 2 : CommandLine.ParseNumber(bound, "--bound", StrategyName == "pct" ? 1 : 0, 20);
        Seed = seed is null ? 1 : CommandLine.ParseNumber(seed, "--seed", 0, int.MaxValue);
        Processes = threads is null ? 1 : CommandLine.ParseNumber(threads, "--threads", 1, MostProcesses);
        (Part, Parts) = ParseShare(share);
        if (Parts > 1 && Processes > 1)
            throw new InputException("--share and --threads: say one of them; a share is searched by one process");
        BudgetText = budget ?? "30s";
        Limits = ParseBudget(BudgetText);
    }

    /// <summary>The strategy's name.</summary>
    public string StrategyName { get; }

    /// <summary>The most preemptions, or the depth.</summary>
    public int Bound { get; }

    /// <summary>Where random numbers begin.</summary>
    public int Seed { get; }

    /// <summary>How many processes share the search.</summary>
    public int Processes { get; }

    /// <summary>Which part of the search this process does, from 0.</summary>
    public int Part { get; }

    /// <summary>How many parts there are.</summary>
    public int Parts { get; }

    /// <summary>The budget as it was written.</summary>
    public string BudgetText { get; }

    /// <summary>How far to go.</summary>
    public ExplorationLimits Limits { get; }

    /// <summary>Makes the strategy for one scenario.</summary>
    /// <returns>A fresh one.</returns>
    public IScheduleStrategy CreateStrategy() => StrategyName switch
    {
        "pct" => new PctStrategy(Bound, (ulong)Seed + ((ulong)Part << 32)),
        "random" => new RandomStrategy((ulong)Seed + ((ulong)Part << 32)),
        _ => new ExhaustiveStrategy(Bound, part: Part, parts: Parts),
    };

    /// <summary>Reads decisions.</summary>
    /// <param name="text">Of --replay.</param>
    /// <returns>The decisions.</returns>
    /// <exception cref="InputException">They are none.</exception>
    public static DecisionString ParseDecisions(string text)
    {
        try
        {
            return DecisionString.Parse(text);
        }
        catch (FormatException e)
        {
            throw new InputException($"--replay {text}: {e.Message}", e);
        }
    }

    /// <summary>Reads a share.</summary>
    /// <param name="text">I/N, or null.</param>
    /// <returns>The part from 0, and how many there are.</returns>
    private static (int Part, int Parts) ParseShare(string? text)
    {
        if (text is null)
            return (0, 1);
        string[] halves = text.Split('/');
        return halves.Length == 2 && int.TryParse(halves[0], NumberStyles.None, CultureInfo.InvariantCulture, out int part)
            && int.TryParse(halves[1], NumberStyles.None, CultureInfo.InvariantCulture, out int parts) && part >= 1 && part <= parts
            ? (part - 1, parts)
            : throw new InputException($"--share {text}: write which part of how many, as in 2/8");
    }

    /// <summary>Reads a budget.</summary>
    /// <param name="text">Schedules, or seconds with an s.</param>
    /// <returns>The limits.</returns>
    private static ExplorationLimits ParseBudget(string text)
    {
        bool isTime = text.EndsWith('s');
        return double.TryParse(isTime ? text[..^1] : text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double amount) && amount > 0 && amount <= 1e9
            ? isTime ? new ExplorationLimits { MaxTime = TimeSpan.FromSeconds(amount) } : new ExplorationLimits { MaxSchedules = (long)amount }
            : throw new InputException($"--budget {text}: not a number of schedules, nor one of seconds; write 5000 or 60s");
    }
}
