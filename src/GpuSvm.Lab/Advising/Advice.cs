// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Advising;

/// <summary>What the advisor has found.</summary>
/// <param name="Settings">The settings; none where the defaults are best.</param>
/// <param name="Default">The whole trace with the library's defaults.</param>
/// <param name="Advised">The whole trace with the settings.</param>
/// <param name="Shares">What each setting is worth, in the order of the settings.</param>
/// <param name="Checks">Other cost models, and other seeds: first those of the machine asked for.</param>
/// <param name="Uses">What was done to which memory with the defaults, the most moved first.</param>
/// <param name="Tried">Settings tried in the search.</param>
/// <param name="ReplayedAccesses">Accesses replayed for all that.</param>
/// <param name="SearchedAccesses">How far the trace was replayed in the search.</param>
/// <param name="IsOutOfBudget">Whether the search ended because its budget did.</param>
public sealed record Advice(
    AdvisedSettings Settings,
    ReplayResult Default,
    ReplayResult Advised,
    IReadOnlyList<SettingShare> Shares,
    IReadOnlyList<AdviceCheck> Checks,
    IReadOnlyList<IntervalUse> Uses,
    int Tried,
    long ReplayedAccesses,
    long SearchedAccesses,
    bool IsOutOfBudget)
{
    /// <summary>How many times as fast the trace is.</summary>
    public double Speedup => Default.ModelledNanoseconds / Advised.ModelledNanoseconds;
}
