// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>Random schedules: at each choice the thread in turn goes on with a probability drawn for the schedule, else any of those that can.</summary>
/// <param name="seed">Where the random numbers begin.</param>
public sealed class RandomStrategy(ulong seed) : IScheduleStrategy
{
    private ScheduleRandom _random = new(seed);
    private int _stay; // Of 256, how often the thread in turn goes on.

    /// <inheritdoc/>
    public string Name => $"random, seed {seed}";

    /// <inheritdoc/>
    public bool ChoosesAtMarks => true;

    /// <inheritdoc/>
    public bool TryBegin()
    {
        _stay = _random.Below(256);
        return true;
    }

    /// <inheritdoc/>
    public int Choose(in ScheduleChoice choice)
    {
        bool stays = choice.CanContinue && _random.Below(256) < _stay;
        return stays ? choice.Current : choice.Enabled[_random.Below(choice.Enabled.Length)];
    }

    /// <inheritdoc/>
    public void End(int choices)
    {
    }
}
