// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Workloads;

/// <summary>Takes a workload through its steps on freshly opened shared memory, times them, and makes the report.</summary>
internal static class WorkloadRunner
{
    /// <summary>The least device memory that is chosen for the user.</summary>
    private const long LeastDefaultDeviceBytes = 1L << 20;

    /// <summary>The granularity of a chosen device memory, so that its size reads well.</summary>
    private const long DeviceGranularityBytes = 64L << 10;

    /// <summary>Runs one workload.</summary>
    /// <param name="name">Its name in the catalog.</param>
    /// <param name="workload">Fresh from the catalog.</param>
    /// <param name="settings">What the user asked of it.</param>
    /// <param name="policies">By what pages come and go.</param>
    /// <param name="memoryKind">The memory the user asked for.</param>
    /// <param name="deviceBytes">Device memory in whole pages, or null to choose a quarter of the data.</param>
    /// <param name="injections">What is to fail on purpose, from the opening of the memory to its end.</param>
    /// <param name="progress">Told what goes on.</param>
    /// <exception cref="InputException">The input is not usable or does not fit this machine.</exception>
    public static RunReport Run(
        string name, IWorkload workload, WorkloadSettings settings, WorkloadPolicies policies, MemoryKind memoryKind, long? deviceBytes, IReadOnlyList<InjectionRequest> injections, Progress progress)
    {
        CheckFits(workload.EstimateBytes(settings), deviceBytes ?? 0);
        workload.Prepare(settings, progress);
        CheckFits(workload.DataBytes, deviceBytes ?? 0);
        var device = deviceBytes ?? ChooseDeviceBytes(workload.DataBytes);
        if (injections.Count == 0)
            return RunArmed(name, workload, settings, policies, memoryKind, device, deviceBytes is null, progress);
        foreach (var injection in injections)
            FaultInjection.Arm(injection.Point, injection.Hit);
        try
        {
            var report = RunArmed(name, workload, settings, policies, memoryKind, device, deviceBytes is null, progress);
            return report with { Injections = InjectionRequest.Outcomes(injections) };
        }
        finally
        {
            FaultInjection.Reset();
        }
    }

    /// <summary>Runs a prepared workload.</summary>
    /// <param name="name">Its name in the catalog.</param>
    /// <param name="workload">Prepared.</param>
    /// <param name="settings">What the user asked of it.</param>
    /// <param name="policies">By what pages come and go.</param>
    /// <param name="memoryKind">The memory the user asked for.</param>
    /// <param name="device">Device memory in bytes, whole pages.</param>
    /// <param name="isDeviceChosen">Whether the tool chose it.</param>
    /// <param name="progress">Told what goes on.</param>
    private static RunReport RunArmed(
        string name, IWorkload workload, WorkloadSettings settings, WorkloadPolicies policies, MemoryKind memoryKind, long device, bool isDeviceChosen, Progress progress)
    {
        using var memory = SharedMemory.Create(new SharedMemoryOptions
        {
            Memory = memoryKind,
            DeviceMemoryBytes = device,
            CapacityBytes = Math.Max(1L << 30, workload.DataBytes * 2),
            LargestChunkBytes = policies.ChunkBytes,
            Prefetch = policies.Prefetch,
            Eviction = policies.Eviction,
            Thrash = policies.Thrash,
            AccessCounters = policies.AccessCounters,
            KeepFreeBytes = policies.KeepFreeBytes,
            WithoutFaults = policies.WithoutFaults,
            Monitor = policies.Monitor,
            TracePath = policies.TracePath,
            ComputeUnits = policies.ComputeUnits,
        });
        var clock = Stopwatch.StartNew();
        progress.Stage($"filling {ByteSize.Format(workload.DataBytes)} of shared memory with {settings.Threads} CPU threads");
        workload.Fill(memory, settings);
        var fill = clock.Elapsed;
        progress.Stage($"running {name} on the GPU with {ByteSize.Format(device)} of device memory");
        clock.Restart();
        workload.Solve(memory, progress);
        var solve = clock.Elapsed;
        progress.Stage("comparing with a plain CPU run");
        clock.Restart();
        var verification = workload.Verify();
        var check = clock.Elapsed;
        var report = RunReport.Create(name, workload, settings, memory, isDeviceChosen, verification, (fill, solve, check));
        return report with { Invariants = CheckInvariants(memory) };
    }

    /// <summary>Has the library walk over its live objects; gives "hold", or what is broken.</summary>
    private static string CheckInvariants(SharedMemory memory)
    {
        try
        {
            memory.CheckInvariants();
            return RunReport.InvariantsHold;
        }
        catch (SharedMemoryException e)
        {
            return e.Message;
        }
    }

    /// <summary>A quarter of the data, so that pages must come and go, but at least 1 MiB.</summary>
    /// <param name="dataBytes">All shared arrays together.</param>
    internal static long ChooseDeviceBytes(long dataBytes)
    {
        var quarter = (dataBytes / 4) + DeviceGranularityBytes - 1;
        return Math.Max(LeastDefaultDeviceBytes, quarter - (quarter % DeviceGranularityBytes));
    }

    /// <summary>
    /// Refuses what this machine's memory cannot hold, before it is touched: the data, the private copy to verify against, and the device's memory.
    /// </summary>
    private static void CheckFits(long dataBytes, long deviceBytes)
    {
        var available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (deviceBytes > available / 2)
        {
            throw new InputException($"--device-memory {deviceBytes}: the software GPU's memory is taken from this machine's "
                + $"{ByteSize.Format(available)}; use at most {ByteSize.Format(available / 2)}");
        }

        if (dataBytes > (available - deviceBytes) / 5 * 2)
        {
            var most = ByteSize.Format((available - deviceBytes) / 5 * 2).Replace(" ", "", StringComparison.Ordinal);
            throw new InputException($"{ByteSize.Format(dataBytes)} of data and as much again to verify against do not fit this machine's "
                + $"{ByteSize.Format(available)}; use --size {most} or less, or a smaller graph");
        }
    }
}
