// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Advising;

/// <summary>
/// Searches policies and wishes for the settings under which a workload takes the least modelled time.
/// </summary>
/// <remarks>
/// <para><b>Profile.</b> One replay with the defaults says how much moved of which memory, and how far the trace must be replayed to have seen nearly all of it; twice that far, or an eighth of the whole if
/// that is more, is what the search replays, unless the whole is not much longer, or the budget allows it anyway.</para>
/// <para><b>Pool.</b> What works together only is tried together: every size of chunks with every prefetch policy, each other policy alone, and some combinations by chance, from the seed.</para>
/// <para><b>Descent.</b> From the best of them, each policy and each wish for the memory that moved most is tried in turn, and the best is kept, until nothing is better. After each round the worse half of
/// what was tried is left out, until nothing is better without it; then everything is tried once more.</para>
/// <para><b>Proof.</b> The whole trace is replayed with what was found; settings without which it takes no longer are dropped, and each that is left is left out once to see what it is worth. Then it is
/// held against the defaults under the other cost models, and with other seeds.</para>
/// <para>The budget counts accesses and not seconds, and replays do not depend on each other, so that the same call finds the same on any machine, with any number of threads.</para>
/// </remarks>
public sealed class Advisor
{
    private const double WorthIt = 0.001; // Of the modelled time: less is not worth a word in a program.
    private const double NotMuchLonger = 0.6; // A trace that is to be replayed farther than this part is replayed whole.
    private const int ManyReplays = 200; // A trace of which the budget allows so many is replayed whole.
    private const int ByChance = 12; // Combinations.
    private const int LeastCandidates = 8;
    private const int Proofs = 16; // About as many replays as the proof takes, beside one for each setting.

    private readonly AdvisorOptions _options;
    private readonly Trials _trials;
    private readonly Action<string> _stage;
    private readonly Action<int, int> _step;
    private readonly long _seed;
    private long _length; // How far the search replays.
    private bool _isOutOfBudget;

    /// <summary>Begins a search.</summary>
    /// <param name="options">What for.</param>
    /// <param name="stage">Told when a stage begins.</param>
    /// <param name="step">Told how many replays of a round are done, and how many there are.</param>
    /// <param name="cancellation">Ends it.</param>
    private Advisor(AdvisorOptions options, Action<string> stage, Action<int, int> step, CancellationToken cancellation)
    {
        (_options, _stage, _step) = (options, stage, step);
        _seed = options.Machine.Policies.Seed;
        _trials = new Trials(options, cancellation);
    }

    /// <summary>Searches.</summary>
    /// <param name="options">What for.</param>
    /// <param name="stage">Told when a stage begins.</param>
    /// <param name="step">Told how many replays of a round are done, and how many there are; by any thread, one at a time.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="ReplayException">The workload cannot be replayed.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static Advice Search(AdvisorOptions options, Action<string> stage, Action<int, int> step, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new Advisor(options, stage, step, cancellation).Search();
    }

    /// <summary>Searches.</summary>
    /// <returns>What was found.</returns>
    private Advice Search()
    {
        _stage("replaying with the defaults");
        var workload = _options.Create(_seed);
        var profile = new IntervalProfile(workload.FootprintBytes);
        ReplayResult byDefault = AdvisedReplay.Run(_options.Machine, workload, AdvisedSettings.None, log: profile);
        _trials.Begin(Whole(AdvisedSettings.None), byDefault);
        long enough = Math.Max(2 * profile.AccessesUntilTouched, profile.Accesses / 8);
        bool isShort = profile.Accesses * ManyReplays <= _options.BudgetAccesses || enough > profile.Accesses * NotMuchLonger;
        _length = isShort ? long.MaxValue : enough;
        IReadOnlyList<IntervalUse> uses = profile.Uses();

        AdvisedSettings[] pool = [.. Pool()];
        _stage($"trying {pool.Length} combinations of policies");
        AdvisedSettings[] best = Rank(pool);
        AdvisedSettings found = Descend(best[0], [.. Candidates(uses)]);

        _stage("replaying the whole trace with what was found");
        AdvisedSettings[] finalists = [.. new[] { AdvisedSettings.None, best[0], found }.Distinct()];
        _trials.Run(finalists.Select(Whole), _step);
        found = finalists.MinBy(settings => _trials.Time(Whole(settings)))!;
        long proofLength = byDefault.Accesses * (found.All.Count + Proofs) <= _options.BudgetAccesses ? long.MaxValue : _length;
        _stage("leaving settings out");
        found = Simplify(found, proofLength, out IReadOnlyList<SettingShare> shares);
        _trials.Run([Whole(found)], _step);
        _stage("trying other cost models and seeds");
        IReadOnlyList<AdviceCheck> checks = Check(found, proofLength);
        return new Advice(
            found, byDefault, _trials.Result(Whole(found))!, shares, checks, uses, _trials.Count, _trials.ReplayedAccesses, Math.Min(_length, byDefault.Accesses), _isOutOfBudget);
    }

    /// <summary>Combinations of policies to begin with, the most promising first.</summary>
    /// <returns>The combinations.</returns>
    private IEnumerable<AdvisedSettings> Pool()
    {
        PolicyKnob chunk = PolicyKnob.All[0], prefetch = PolicyKnob.All[1];
        yield return AdvisedSettings.None;
        foreach (string size in chunk.Values)
        {
            foreach (string policy in prefetch.Values)
                yield return new AdvisedSettings([new Setting(chunk, size), new Setting(prefetch, policy)]);
        }

        foreach (PolicyKnob knob in PolicyKnob.All.Skip(2))
        {
            foreach (string value in knob.Values)
                yield return new AdvisedSettings([new Setting(knob, value)]);
        }

        var chance = new Random((int)_seed); // A Random with a seed gives the same numbers in every version of the runtime.
        for (int round = 0; round < ByChance; round++)
            yield return new AdvisedSettings([.. PolicyKnob.All.Select(knob => new Setting(knob, knob.Values[chance.Next(knob.Values.Count)]))]);
    }

    /// <summary>What is tried of one setting at a time.</summary>
    /// <param name="uses">What was done to which memory.</param>
    /// <returns>Each choice of each policy, and each wish for what moved most.</returns>
    private IEnumerable<Setting> Candidates(IReadOnlyList<IntervalUse> uses) =>
    [
        .. from knob in PolicyKnob.All
           from value in knob.Values
           select new Setting(knob, value),
        .. from use in uses.Take(_options.MostIntervals)
           from wish in IntervalWish.All
           where wish.Name != "read-mostly" || use.DeviceWrites < use.DeviceAccesses // What is only written has no copies.
           select new Setting(use.Interval, wish),
    ];

    /// <summary>Tries settings, as many as the budget allows, and orders them by their time.</summary>
    /// <param name="settings">The settings, those first that must be tried.</param>
    /// <returns>Those that were tried, the best first; of equal ones those with fewer settings.</returns>
    private AdvisedSettings[] Rank(IReadOnlyList<AdvisedSettings> settings)
    {
        AdvisedSettings[] distinct = [.. settings.Distinct()];
        long each = Math.Min(_length, _trials.Result(Whole(AdvisedSettings.None))!.Accesses);
        int affordable = (int)Math.Clamp((_options.BudgetAccesses - _trials.ReplayedAccesses) / Math.Max(1, each), 1, distinct.Length);
        _isOutOfBudget |= affordable < distinct.Length;
        AdvisedSettings[] tried = distinct[..affordable];
        _trials.Run(tried.Select(Searched), _step);
        return [.. tried.OrderBy(one => _trials.Time(Searched(one))).ThenBy(one => one.All.Count).ThenBy(one => one.ToString(), StringComparer.Ordinal)];
    }

    /// <summary>Goes from settings to better ones that differ in one, until there are none.</summary>
    /// <param name="start">Where to begin.</param>
    /// <param name="candidates">What is tried.</param>
    /// <returns>The best that was found.</returns>
    private AdvisedSettings Descend(AdvisedSettings start, Setting[] candidates)
    {
        AdvisedSettings current = start;
        Setting[] left = candidates;
        for (int round = 1; !_isOutOfBudget; round++)
        {
            _stage($"round {round}: {left.Length} changes of one setting");
            AdvisedSettings[] tried = Rank([current, .. left.Select(current.With)]);
            if (_trials.Time(Searched(tried[0])) < _trials.Time(Searched(current)) * (1 - WorthIt))
            {
                var places = tried.Select((settings, place) => (settings, place)).ToDictionary(one => one.settings, one => one.place);
                left = [.. left.OrderBy(setting => places.GetValueOrDefault(current.With(setting), int.MaxValue)).Take(Math.Max(LeastCandidates, left.Length / 2))];
                current = tried[0];
            }
            else if (left.Length < candidates.Length)
            {
                left = candidates;
            }
            else
            {
                break;
            }
        }

        return current;
    }

    /// <summary>Drops what is worth nothing, and says what the rest is worth.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="length">How far to replay.</param>
    /// <param name="shares">What each is worth.</param>
    /// <returns>The settings that are left.</returns>
    private AdvisedSettings Simplify(AdvisedSettings settings, long length, out IReadOnlyList<SettingShare> shares)
    {
        while (true)
        {
            AdvisedSettings all = settings;
            _trials.Run([At(all, length), .. all.All.Select(setting => At(all.Without(setting), length))], _step);
            double time = _trials.Time(At(all, length));
            shares = [.. all.All.Select(setting => new SettingShare(setting, _trials.FiniteTime(At(all.Without(setting), length)) - time))];
            if (shares.MinBy(share => share.LostNanoseconds ?? double.PositiveInfinity) is not { } least || !(least.LostNanoseconds <= time * WorthIt))
                return all;
            settings = all.Without(least.Setting);
        }
    }

    /// <summary>Holds settings against the defaults elsewhere.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="length">How far to replay.</param>
    /// <returns>The seeds of the machine's cost model, then the other cost models.</returns>
    private IReadOnlyList<AdviceCheck> Check(AdvisedSettings settings, long length)
    {
        string model = _options.Machine.CostModel.Name;
        (string Model, long Seed)[] places =
        [
            .. Enumerable.Range(0, _options.Seeds).Select(further => (model, _seed + further)),
            .. CostModels.All.Where(other => other.Name != model).Select(other => (other.Name, _seed)),
        ];
        Trial Of(AdvisedSettings which, (string Model, long Seed) place) => new(which, length, place.Model, place.Seed);
        _trials.Run(places.SelectMany(place => new[] { Of(AdvisedSettings.None, place), Of(settings, place) }), _step);
        return [.. places.Select(place => new AdviceCheck(place.Model, place.Seed, _trials.FiniteTime(Of(AdvisedSettings.None, place)), _trials.FiniteTime(Of(settings, place))))];
    }

    /// <summary>A replay as far as the search goes.</summary>
    /// <param name="settings">With which settings.</param>
    /// <returns>The replay.</returns>
    private Trial Searched(AdvisedSettings settings) => At(settings, _length);

    /// <summary>A replay of the whole trace.</summary>
    /// <param name="settings">With which settings.</param>
    /// <returns>The replay.</returns>
    private Trial Whole(AdvisedSettings settings) => At(settings, long.MaxValue);

    /// <summary>A replay on the machine asked for.</summary>
    /// <param name="settings">With which settings.</param>
    /// <param name="length">How far.</param>
    /// <returns>The replay.</returns>
    private Trial At(AdvisedSettings settings, long length) => new(settings, length, _options.Machine.CostModel.Name, _seed);
}
