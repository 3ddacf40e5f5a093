// SPDX-License-Identifier: MIT
using GpuSvm.Core.Vm;
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Advising;

/// <summary>Settings that go together: at most one for each slot. What is not among them is as the program has it, and policies as the library has them.</summary>
public sealed class AdvisedSettings : IEquatable<AdvisedSettings>
{
    private readonly SortedDictionary<string, Setting> _bySlot = new(StringComparer.Ordinal);

    /// <summary>Makes settings.</summary>
    /// <param name="settings">The settings; of those for one slot the last counts.</param>
    public AdvisedSettings(IEnumerable<Setting> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        foreach (Setting setting in settings)
        {
            if (setting.Knob is { } knob && knob.Of(new ReplayPolicies()) == setting.Value)
                _bySlot.Remove(setting.Slot); // The default is not worth a word.
            else
                _bySlot[setting.Slot] = setting;
        }
    }

    /// <summary>Nothing: the library's defaults.</summary>
    public static AdvisedSettings None { get; } = new([]);

    /// <summary>The settings: policies first, then wishes.</summary>
    public IReadOnlyList<Setting> All => [.. _bySlot.Values.OrderBy(setting => setting.Knob is null)];

    /// <summary>The memory that is wished something of.</summary>
    public IReadOnlyList<AdvisedInterval> Intervals => [.. _bySlot.Values.Where(setting => setting.Interval is not null).Select(setting => setting.Interval!).Distinct()];

    /// <summary>Settings with one more, in the place of that of its slot.</summary>
    /// <param name="setting">The setting.</param>
    /// <returns>The settings.</returns>
    public AdvisedSettings With(Setting setting) => new([.. _bySlot.Values, setting]);

    /// <summary>Settings without one.</summary>
    /// <param name="setting">The setting.</param>
    /// <returns>The settings.</returns>
    public AdvisedSettings Without(Setting setting) => new(_bySlot.Values.Where(other => other != setting));

    /// <summary>The policies.</summary>
    /// <param name="seed">Their seed.</param>
    /// <returns>The policies.</returns>
    public ReplayPolicies Policies(long seed)
    {
        var policies = new ReplayPolicies { Seed = seed };
        foreach (Setting setting in _bySlot.Values)
            policies = setting.Knob?.With(policies, setting.Value) ?? policies;
        return policies;
    }

    /// <summary>What is wished of an interval, on top of what the program wishes.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="advice">What the program wishes.</param>
    /// <returns>Both.</returns>
    public MemoryAdvice Apply(AdvisedInterval interval, MemoryAdvice advice)
    {
        foreach (Setting setting in _bySlot.Values.Where(setting => setting.Interval == interval))
            advice = setting.Wish!.Apply(advice);
        return advice;
    }

    /// <inheritdoc/>
    public bool Equals(AdvisedSettings? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as AdvisedSettings);

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <summary>The settings as the tool's options: the same text for the same settings.</summary>
    /// <returns>"--chunk 64K --prefetch tree"; empty for none.</returns>
    public override string ToString() => string.Join(' ', All);
}
