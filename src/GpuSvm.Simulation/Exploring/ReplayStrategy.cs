// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>One schedule, as it was recorded.</summary>
/// <param name="decisions">Its choices. One that names a thread that cannot go on is passed over.</param>
public sealed class ReplayStrategy(DecisionString decisions) : IScheduleStrategy
{
    private bool _hasBegun;

    /// <inheritdoc/>
    public string Name => $"replay of {decisions}";

    /// <inheritdoc/>
    public bool ChoosesAtMarks => decisions.ChoosesAtMarks;

    /// <inheritdoc/>
    public bool TryBegin() => !_hasBegun && (_hasBegun = true);

    /// <inheritdoc/>
    public int Choose(in ScheduleChoice choice)
    {
        int ordinary = choice.CanContinue ? choice.Current : choice.Enabled[0];
        return decisions.Choices.TryGetValue(choice.Number, out int thread) && choice.Enabled.Contains(thread) ? thread : ordinary;
    }

    /// <inheritdoc/>
    public void End(int choices)
    {
    }
}
