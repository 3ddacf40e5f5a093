// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Advising;
using GpuSvm.Lab.Replay;

namespace GpuSvm.Cli.Report;

/// <summary>What `gpusvm advise` found, for JSON; nothing in it depends on the machine that searched. Names become snake_case.</summary>
/// <param name="Workload">What was searched for, in words.</param>
/// <param name="DeviceMemoryBytes">The memory of each device.</param>
/// <param name="CostModel">What things cost.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Settings">What is advised, in the tool's own words, each with what it is worth.</param>
/// <param name="Default">The whole trace with the library's defaults.</param>
/// <param name="Advised">The whole trace as advised.</param>
/// <param name="Speedup">How many times as fast that is.</param>
/// <param name="Checks">Other cost models and seeds.</param>
/// <param name="Memory">What was done to which memory with the defaults.</param>
/// <param name="Tried">Replays made.</param>
/// <param name="ReplayedAccesses">Accesses replayed for all that.</param>
/// <param name="SearchedAccesses">How far the search replayed the trace.</param>
/// <param name="IsOutOfBudget">Whether the search ended because its budget did.</param>
/// <param name="Replay">The command that replays it as advised.</param>
/// <param name="Native">The code for the C API.</param>
/// <param name="Managed">The code for .NET.</param>
internal sealed record AdviceReport(
    string Workload,
    long DeviceMemoryBytes,
    CostModel CostModel,
    long Seed,
    IReadOnlyList<AdvisedSettingReport> Settings,
    ReplayResult Default,
    ReplayResult Advised,
    double Speedup,
    IReadOnlyList<AdviceCheck> Checks,
    IReadOnlyList<AdvisedMemoryReport> Memory,
    int Tried,
    long ReplayedAccesses,
    long SearchedAccesses,
    bool IsOutOfBudget,
    string Replay,
    string Native,
    string Managed)
{
    /// <summary>Makes the report.</summary>
    /// <param name="workload">The workload in words.</param>
    /// <param name="deviceBytes">The memory of each device.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="advice">What was found.</param>
    /// <param name="replay">The command that replays it as advised.</param>
    public static AdviceReport From(string workload, long deviceBytes, ReplaySettings machine, Advice advice, string replay) => new(
        workload,
        deviceBytes,
        machine.CostModel,
        machine.Policies.Seed,
        [.. advice.Shares.Select(share => new AdvisedSettingReport(share.Setting.ToString(), share.LostNanoseconds))],
        advice.Default,
        advice.Advised,
        advice.Speedup,
        advice.Checks,
        [.. advice.Uses.Select(use => new AdvisedMemoryReport(use.Interval.Name, use.Bytes, use.DeviceAccesses, use.DeviceWrites, use.CpuAccesses, use.MovedBytes, use.Faults))],
        advice.Tried,
        advice.ReplayedAccesses,
        advice.SearchedAccesses,
        advice.IsOutOfBudget,
        replay,
        AdviceCode.Native(advice.Settings),
        AdviceCode.Managed(advice.Settings));
}
