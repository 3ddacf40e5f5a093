// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Lab.Explaining;

/// <summary>Explains a trace or a workload: analyses it, finds what cost most, and replays what could help.</summary>
/// <remarks>A trace that tells of migrations is taken at its word. Of any other a replay under the given settings says what would happen, and that is analysed. What a suggestion gives is always one replay held against another.</remarks>
public static class Explainer
{
    /// <summary>Explains.</summary>
    /// <param name="create">Makes the workload: a new one for each replay, because workloads remember where they are; or the same trace each time.</param>
    /// <param name="settings">The machine of the replays.</param>
    /// <param name="threads">How many replays run at once, at least 1; 0 to replay no suggestion.</param>
    /// <param name="tell">Told what is being done; by one thread at a time.</param>
    /// <param name="step">Told how many suggestions of how many have been replayed, by any thread; null for nobody.</param>
    /// <returns>The explanation.</returns>
    /// <exception cref="ReplayException">There is nothing to analyse but a replay, and it cannot be made.</exception>
    public static Explanation Explain(Func<IWorkload> create, ReplaySettings settings, int threads, Action<string> tell, Action<int, int>? step = null)
    {
        ArgumentNullException.ThrowIfNull(create);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(tell);
        IWorkload workload = create();
        var analysis = new TraceAnalysis(settings.CostModel);
        var recorded = workload as RecordedWorkload;
        ReplayResult? before = null;
        string whyNot = "";
        if (recorded?.HasMigrations == true)
        {
            tell($"reading {workload.Description}");
            recorded.ReadTo(analysis);
        }
        else
        {
            tell($"replaying {workload.Description}");
            using ReplayMachine machine = settings.Build(workload, analysis);
            workload.Generate(machine);
            before = machine.Result();
        }

        analysis.Complete();
        IReadOnlyList<Finding> findings = Findings.Of(analysis);
        IReadOnlyList<Suggestion> suggestions = Suggestions.Of(analysis, findings, settings, workload.FootprintBytes);
        List<Trial> trials = [.. suggestions.Select(one => new Trial([one], null))];
        Trial? together = null;
        if (threads > 0 && suggestions.Count > 0)
        {
            try
            {
                before ??= settings.Run(create());
                tell($"replaying {suggestions.Count} suggestions");
                trials = Try(create, settings, suggestions, before, threads, step);
                together = TryTogether(create, settings, trials, before, tell);
            }
            catch (ReplayException e)
            {
                whyNot = e.Message;
            }
        }

        return new Explanation
        {
            Source = workload.Description,
            Problem = recorded?.Problem ?? "",
            IsRecorded = recorded?.HasMigrations == true,
            ReplaysFaults = recorded?.UsesFaults == true,
            FootprintBytes = workload.FootprintBytes,
            DeviceMemoryBytes = settings.DeviceBytesFor(workload.FootprintBytes),
            Settings = settings,
            Analysis = analysis,
            Findings = findings,
            Before = before,
            WhyNotReplayed = whyNot,
            Trials = trials,
            Together = together,
        };
    }

    /// <summary>Replays each suggestion.</summary>
    /// <param name="create">Makes the workload.</param>
    /// <param name="settings">The machine.</param>
    /// <param name="suggestions">The suggestions.</param>
    /// <param name="before">The replay without any.</param>
    /// <param name="threads">How many at once.</param>
    /// <param name="step">Told how many have been replayed.</param>
    /// <returns>The best first.</returns>
    private static List<Trial> Try(Func<IWorkload> create, ReplaySettings settings, IReadOnlyList<Suggestion> suggestions, ReplayResult before, int threads, Action<int, int>? step)
    {
        var trials = new Trial[suggestions.Count];
        int done = 0;
        Parallel.For(0, trials.Length, new ParallelOptions { MaxDegreeOfParallelism = threads }, index =>
        {
            trials[index] = TryOne(create, settings, [suggestions[index]]);
            step?.Invoke(Interlocked.Increment(ref done), trials.Length); // The count pairs with nothing: it is shown.
        });
        return [.. trials.OrderByDescending(trial => trial.Gain(before))];
    }

    /// <summary>Replays all that help and do not exclude each other, the best first.</summary>
    /// <param name="create">Makes the workload.</param>
    /// <param name="settings">The machine.</param>
    /// <param name="trials">Each one's replay, the best first.</param>
    /// <param name="before">The replay without any.</param>
    /// <param name="tell">Told what is being done.</param>
    /// <returns>Null where fewer than two go together.</returns>
    private static Trial? TryTogether(Func<IWorkload> create, ReplaySettings settings, IEnumerable<Trial> trials, ReplayResult before, Action<string> tell)
    {
        var useful = new List<Suggestion>();
        foreach (Suggestion one in trials.Where(trial => trial.Helps(before)).SelectMany(trial => trial.Suggestions))
        {
            if (!useful.Exists(one.Excludes))
                useful.Add(one);
        }

        if (useful.Count < 2)
            return null;
        tell("replaying what helps, together");
        return TryOne(create, settings, useful);
    }

    /// <summary>Replays with suggestions.</summary>
    /// <param name="create">Makes the workload.</param>
    /// <param name="settings">The machine without them.</param>
    /// <param name="suggestions">What is followed.</param>
    private static Trial TryOne(Func<IWorkload> create, ReplaySettings settings, IReadOnlyList<Suggestion> suggestions)
    {
        ReplayPolicies policies = suggestions.Aggregate(settings.Policies, (so, one) => one.Policies?.Invoke(so) ?? so);
        try
        {
            IWorkload workload = create();
            using ReplayMachine machine = (settings with { Policies = policies }).Build(workload);
            workload.Generate(new AdvisedSink(machine, suggestions));
            return new Trial(suggestions, machine.Result());
        }
        catch (ReplayException e)
        {
            return new Trial(suggestions, null, e.Message);
        }
    }
}
