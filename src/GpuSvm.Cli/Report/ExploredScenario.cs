// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>What was found in one scenario.</summary>
/// <param name="Scenario">Its name.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Schedules">Schedules run.</param>
/// <param name="Seconds">Time spent.</param>
/// <param name="PerSecond">Schedules a second.</param>
/// <param name="Points">Different schedule points come past.</param>
/// <param name="Pairs">Different pairs of points of two threads, one right after the other.</param>
/// <param name="MaxSteps">Steps of the longest schedule.</param>
/// <param name="Exhausted">Up to how many preemptions everything has been searched; -1 for none.</param>
/// <param name="Failure">What kind of thing went wrong; null if nothing did.</param>
/// <param name="Message">What exactly.</param>
/// <param name="Preemptions">Preemptions of the schedule in which it did, made as few as possible.</param>
/// <param name="Decisions">Its decisions, for --replay.</param>
/// <param name="Smallest">A smaller scenario in which the same goes wrong; null if none was found.</param>
internal sealed record ExploredScenario(
    string Scenario,
    string Title,
    long Schedules,
    double Seconds,
    double PerSecond,
    int Points,
    int Pairs,
    int MaxSteps,
    int Exhausted,
    string? Failure,
    string? Message,
    int? Preemptions,
    string? Decisions,
    string? Smallest);
