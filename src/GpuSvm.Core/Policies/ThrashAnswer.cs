// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What a thrash policy answers. The default is to move.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Time">For how long: of a throttle or a pin; what is not above zero makes either of them a move.</param>
public readonly record struct ThrashAnswer(ThrashAction Action, TimeSpan Time = default)
{
    /// <summary>The pages move.</summary>
    public static ThrashAnswer Move => default;

    /// <summary>The pages are mapped where they are, this once.</summary>
    public static ThrashAnswer MapRemotely => new(ThrashAction.MapRemotely);

    /// <summary>The touch is served late.</summary>
    /// <param name="time">How late; at most 10 ms. A touch is held back once: after that it is served, whatever the policy says.</param>
    /// <returns>The answer.</returns>
    public static ThrashAnswer Throttle(TimeSpan time) => new(ThrashAction.Throttle, time);

    /// <summary>The pages are mapped where they are for a time.</summary>
    /// <param name="time">How long; at most an hour.</param>
    /// <returns>The answer.</returns>
    public static ThrashAnswer Pin(TimeSpan time) => new(ThrashAction.Pin, time);
}
