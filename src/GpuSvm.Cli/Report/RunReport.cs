// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Workloads;

namespace GpuSvm.Cli.Report;

/// <summary>Everything a run tells, for the table and for JSON alike. Names become snake_case in JSON.</summary>
internal sealed record RunReport
{
    /// <summary>What <see cref="Invariants"/> says when nothing is broken.</summary>
    public const string InvariantsHold = "hold";

    /// <summary>The workload's name.</summary>
    public required string Workload { get; init; }

    /// <summary>Its input in a few words.</summary>
    public required string Input { get; init; }

    /// <summary>"real" or "portable".</summary>
    public required string Memory { get; init; }

    /// <summary>Why the memory is portable and how to enable the real one; empty for real memory.</summary>
    public required string MemoryReason { get; init; }

    /// <summary>The software GPU's memory.</summary>
    public required long DeviceMemoryBytes { get; init; }

    /// <summary>Whether the tool chose the device memory because the user did not.</summary>
    public required bool DeviceMemoryChosen { get; init; }

    /// <summary>All shared arrays together.</summary>
    public required long DataBytes { get; init; }

    /// <summary>Whether the result equals the plain CPU run.</summary>
    public required bool Verified { get; init; }

    /// <summary>What was compared, or the first difference.</summary>
    public required string Verification { get; init; }

    /// <summary>"hold" if the library's own walk over its objects found no broken invariant when the run had ended, else what is broken.</summary>
    public string Invariants { get; init; } = "";

    /// <summary>Time of the algorithm: kernels and the CPU's turns between them.</summary>
    public required double ElapsedSeconds { get; init; }

    /// <summary>Time in which CPU threads allocated and filled shared memory.</summary>
    public required double FillSeconds { get; init; }

    /// <summary>Time to read the result and compare it, including the plain CPU run.</summary>
    public required double VerifySeconds { get; init; }

    /// <summary>Faults of the GPU.</summary>
    public required long GpuFaults { get; init; }

    /// <summary>Of these, found already bound.</summary>
    public required long GpuFaultsValid { get; init; }

    /// <summary>Passes of the fault handler beyond the first.</summary>
    public required long GpuFaultRetries { get; init; }

    /// <summary>Faults of the CPU.</summary>
    public required long CpuFaults { get; init; }

    /// <summary>Of these, pages that came back from the device.</summary>
    public required long CpuFaultsMigrated { get; init; }

    /// <summary>Bytes migrated to the device.</summary>
    public required long BytesToDevice { get; init; }

    /// <summary>Bytes migrated to RAM, by CPU faults and evictions.</summary>
    public required long BytesToRam { get; init; }

    /// <summary>Blocks migrated to the device.</summary>
    public required long MigrationsToDevice { get; init; }

    /// <summary>Blocks migrated to RAM.</summary>
    public required long MigrationsToRam { get; init; }

    /// <summary>Blocks pushed out to make room.</summary>
    public required long Evictions { get; init; }

    /// <summary>Notifier callbacks that reached a mapped range.</summary>
    public required long Invalidations { get; init; }

    /// <summary>GPU fault service by stage.</summary>
    public required StageSeconds StageSeconds { get; init; }

    /// <summary>GPU fault service in all, from the fault buffer to the acknowledge.</summary>
    public required double FaultSeconds { get; init; }

    /// <summary>CPU fault service in all.</summary>
    public required double CpuFaultSeconds { get; init; }

    /// <summary>Bytes the algorithm as such reads and writes.</summary>
    public required long EffectiveBytes { get; init; }

    /// <summary>How <see cref="EffectiveBytes"/> is counted.</summary>
    public required string EffectiveDefinition { get; init; }

    /// <summary><see cref="EffectiveBytes"/> by <see cref="ElapsedSeconds"/>, in 10^9 bytes a second.</summary>
    public required double EffectiveGbPerS { get; init; }

    /// <summary>Seed of everything random.</summary>
    public required ulong Seed { get; init; }

    /// <summary>CPU threads that filled memory and took the CPU's turns.</summary>
    public required int Threads { get; init; }

    /// <summary>Processors this process may use.</summary>
    public required int Processors { get; init; }

    /// <summary>Failures on purpose that the user asked for, with what became of each.</summary>
    public IReadOnlyList<InjectionOutcome> Injections { get; init; } = [];

    /// <summary>Gathers the report at the end of a run, while the memory is still open.</summary>
    /// <param name="name">The workload's name.</param>
    /// <param name="workload">After its last step.</param>
    /// <param name="settings">What the user asked for.</param>
    /// <param name="memory">Still open.</param>
    /// <param name="deviceMemoryChosen">Whether the tool chose the device memory.</param>
    /// <param name="verification">What the comparison came to.</param>
    /// <param name="times">How long filling, solving and comparing took.</param>
    public static RunReport Create(
        string name,
        IWorkload workload,
        WorkloadSettings settings,
        SharedMemory memory,
        bool deviceMemoryChosen,
        Verification verification,
        (TimeSpan Fill, TimeSpan Solve, TimeSpan Verify) times)
    {
        var statistics = Settled(memory);
        return new RunReport
        {
            Workload = name,
            Input = workload.Input,
            Memory = memory.Kind == MemoryKind.Real ? "real" : "portable",
            MemoryReason = memory.KindReason,
            DeviceMemoryBytes = statistics.DeviceBytesTotal,
            DeviceMemoryChosen = deviceMemoryChosen,
            DataBytes = workload.DataBytes,
            Verified = verification.Ok,
            Verification = verification.Detail,
            ElapsedSeconds = times.Solve.TotalSeconds,
            FillSeconds = times.Fill.TotalSeconds,
            VerifySeconds = times.Verify.TotalSeconds,
            GpuFaults = statistics.GpuFaults,
            GpuFaultsValid = statistics.GpuFaultsValid,
            GpuFaultRetries = statistics.GpuFaultRetries,
            CpuFaults = statistics.CpuFaults,
            CpuFaultsMigrated = statistics.CpuFaultsMigrated,
            BytesToDevice = statistics.BytesToDevice,
            BytesToRam = statistics.BytesToRam,
            MigrationsToDevice = statistics.MigrationsToDevice,
            MigrationsToRam = statistics.MigrationsToRam,
            Evictions = statistics.Evictions,
            Invalidations = statistics.Invalidations,
            StageSeconds = new StageSeconds(
                statistics.FindTime.TotalSeconds,
                statistics.MigrateTime.TotalSeconds,
                statistics.GetPagesTime.TotalSeconds,
                statistics.BindTime.TotalSeconds),
            FaultSeconds = statistics.FaultTime.TotalSeconds,
            CpuFaultSeconds = statistics.CpuFaultTime.TotalSeconds,
            EffectiveBytes = workload.TrafficBytes,
            EffectiveDefinition = workload.TrafficDefinition,
            EffectiveGbPerS = workload.TrafficBytes / times.Solve.TotalSeconds / 1e9,
            Seed = settings.Seed,
            Threads = settings.Threads,
            Processors = Environment.ProcessorCount,
        };
    }

    /// <summary>The statistics when nothing changes any more: a thread goes on when its fault has been served, and that is counted a moment later.</summary>
    /// <param name="memory">The memory, which nobody uses now.</param>
    private static SvmStatistics Settled(SharedMemory memory)
    {
        const int mostLooks = 50;
        var last = memory.Statistics;
        for (var look = 0; look < mostLooks; look++)
        {
            Thread.Sleep(2);
            var next = memory.Statistics;
            if ((next.CpuFaults, next.GpuFaults, next.BytesToRam, next.BytesToDevice) == (last.CpuFaults, last.GpuFaults, last.BytesToRam, last.BytesToDevice))
                return next;
            last = next;
        }

        return last;
    }
}
