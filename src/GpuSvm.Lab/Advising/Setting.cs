// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Advising;

/// <summary>One thing that a program can say: a policy of its memory, or a wish for an interval of it.</summary>
public sealed record Setting
{
    /// <summary>A policy.</summary>
    /// <param name="knob">Which.</param>
    /// <param name="value">What is chosen.</param>
    public Setting(PolicyKnob knob, string value) => (Knob, Value) = (knob, value);

    /// <summary>A wish.</summary>
    /// <param name="interval">Of which memory.</param>
    /// <param name="wish">Which.</param>
    public Setting(AdvisedInterval interval, IntervalWish wish)
    {
        ArgumentNullException.ThrowIfNull(wish);
        (Interval, Wish, Value) = (interval, wish, wish.Name);
    }

    /// <summary>The policy; null for a wish.</summary>
    public PolicyKnob? Knob { get; }

    /// <summary>The memory that is wished something of; null for a policy.</summary>
    public AdvisedInterval? Interval { get; }

    /// <summary>The wish; null for a policy.</summary>
    public IntervalWish? Wish { get; }

    /// <summary>What is chosen or wished, by its name.</summary>
    public string Value { get; }

    /// <summary>What it decides: settings of one slot exclude each other.</summary>
    public string Slot => Knob?.Name ?? $"{Interval!.Name} {Wish!.Kind}";

    /// <summary>The setting in words, as the tool's options have them.</summary>
    /// <returns>"--chunk 64K" or "--advise power=read-mostly".</returns>
    public override string ToString() => Knob is not null ? $"--{Knob.Name} {Value}" : $"--advise {Interval!.Name}={Value}";
}
