// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Replay;

/// <summary>Under what a workload is replayed: all that a result depends on beside the workload.</summary>
public sealed record ReplaySettings
{
    private const long LeastDeviceBytes = 16 * PageSize.Bytes;

    /// <summary>The policies, with their seed.</summary>
    public ReplayPolicies Policies { get; init; } = new();

    /// <summary>What things cost.</summary>
    public CostModel CostModel { get; init; } = CostModels.UvmSmart;

    /// <summary>The memory of each device; null where <see cref="Oversubscription"/> says it.</summary>
    public long? DeviceMemoryBytes { get; init; }

    /// <summary>How much the workload touches for each byte of device memory: 1.25 for a quarter more than fits. Null for devices that hold twice as much as it touches.</summary>
    public double? Oversubscription { get; init; }

    /// <summary>Whether the machine is made as that of a recorded run was, and does what the clock decided there. Of use with the run's own policies and memory.</summary>
    public bool FollowsRecording { get; init; }

    /// <summary>The settings that a recorded run had.</summary>
    /// <param name="workload">The recording.</param>
    /// <returns>The settings; the defaults for a trace that is no recording.</returns>
    public static ReplaySettings Of(RecordedWorkload workload) => workload.Recorded is not { } recorded ? new ReplaySettings() : new ReplaySettings
    {
        Policies = ReplayPolicies.Of(recorded),
        DeviceMemoryBytes = workload.DeviceMemoryBytes > 0 ? workload.DeviceMemoryBytes : null,
        FollowsRecording = true,
    };

    /// <summary>The memory of each device for a workload.</summary>
    /// <param name="footprintBytes">What the workload touches.</param>
    /// <returns>Whole pages, at least 64 KiB.</returns>
    public long DeviceBytesFor(long footprintBytes)
    {
        double bytes = DeviceMemoryBytes ?? footprintBytes / (Oversubscription ?? 0.5);
        return Math.Max(LeastDeviceBytes, PageSize.PagesFor((long)bytes) << PageSize.Shift);
    }

    /// <summary>Builds the machine for a workload.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="log">Who is told of everything; null for nobody.</param>
    /// <returns>The machine; dispose it.</returns>
    /// <exception cref="ReplayException">The workload is too large.</exception>
    public ReplayMachine Build(IWorkload workload, ITraceSink? log = null)
    {
        var recorded = workload as RecordedWorkload;
        long device = DeviceBytesFor(workload.FootprintBytes);
        return new ReplayMachine(new ReplayOptions
        {
            DeviceMemoryBytes = [.. Enumerable.Repeat(device, recorded?.Devices ?? 1)],
            FootprintBytes = workload.FootprintBytes,
            SpannedBytes = recorded?.SpannedBytes ?? 0,
            Vm = Policies.Create(),
            Recorded = FollowsRecording ? recorded?.Recorded : null,
            CostModel = CostModel,
            Log = log,
        });
    }

    /// <summary>Replays a workload.</summary>
    /// <param name="workload">The workload.</param>
    /// <returns>What it has come to.</returns>
    /// <exception cref="ReplayException">The workload is too large, or does what the machine cannot.</exception>
    public ReplayResult Run(IWorkload workload)
    {
        using ReplayMachine machine = Build(workload);
        workload.Generate(machine);
        return machine.Result();
    }
}
