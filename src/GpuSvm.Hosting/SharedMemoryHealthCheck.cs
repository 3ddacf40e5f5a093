// SPDX-License-Identifier: MIT
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace GpuSvm.Hosting;

/// <summary>
/// Healthy where the memory is what was asked for; degraded where portable memory took the place of real memory, with the reason and the remedy; failed where it can no longer be used.
/// Its data are what one wants to see beside that: how full the device is, how many faults were refused. It reads counters and touches no shared memory.
/// </summary>
/// <param name="memory">The memory.</param>
/// <param name="options">What was asked for.</param>
internal sealed class SharedMemoryHealthCheck(SharedMemory memory, IOptions<SharedMemoryOptions> options) : IHealthCheck
{
    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(Check(context.Registration.FailureStatus));

    /// <summary>Looks.</summary>
    /// <param name="failureStatus">What to report where it cannot be used.</param>
    /// <returns>The result.</returns>
    private HealthCheckResult Check(HealthStatus failureStatus)
    {
        SvmStatistics statistics;
        try
        {
            statistics = memory.Statistics;
        }
        catch (ObjectDisposedException closed)
        {
            return new HealthCheckResult(failureStatus, "The shared memory has been disposed.", closed);
        }

        var data = new Dictionary<string, object>
        {
            ["memory"] = memory.Kind.ToString(),
            ["device_bytes_used"] = statistics.DeviceBytesUsed,
            ["device_bytes_total"] = statistics.DeviceBytesTotal,
            ["allocated_bytes"] = statistics.HeapBytes,
            ["gpu_faults_failed"] = statistics.GpuFaultsFailed,
            ["leaked_arrays"] = memory.LeakedArrays,
        };
        return options.Value.Memory == MemoryKind.Auto && memory.Kind == MemoryKind.Portable
            ? HealthCheckResult.Degraded($"Portable shared memory takes the place of real memory: {memory.KindReason}", data: data)
            : HealthCheckResult.Healthy($"{memory.Kind} shared memory.", data);
    }
}
