// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Interop;
using GpuSvm.Observing;
using Microsoft.Extensions.Logging;

namespace GpuSvm;

/// <summary>A prefetch that the library works on.</summary>
/// <param name="operation">The library's handle; ended here.</param>
/// <param name="held">The arrays that it moves, each held once; let go at its end.</param>
/// <param name="location">Where to.</param>
/// <param name="logger">Is told what did not come.</param>
/// <param name="activity">Its activity, or null; ended here.</param>
internal sealed class RunningPrefetch(ulong operation, IReadOnlyList<ISharedAllocation> held, MemoryLocation location, ILogger logger, Activity? activity)
{
    private const int ProgressMilliseconds = 50;

    /// <summary>Waits for the end, on a thread for it unless it has come already, and cancels when that is wanted. To be called once.</summary>
    /// <param name="progress">Who is told how far it is.</param>
    /// <param name="cancellationToken">When to cancel.</param>
    /// <returns>What was done.</returns>
    public async ValueTask<PrefetchResult> FollowAsync(IProgress<PrefetchResult>? progress, CancellationToken cancellationToken)
    {
        NativePrefetchProgress told;
        try
        {
            if (!TryWait(0, out told))
                told = await WaitingThreads.Run(() => Wait(progress, cancellationToken)).ConfigureAwait(false);
        }
        finally
        {
            _ = NativeMethods.gpusvm_prefetch_end(operation); // If its memory has ended, so has it.
            foreach (ISharedAllocation array in held)
                array.Release();
        }

        progress?.Report(told.ToResult());
        return End(told, cancellationToken);
    }

    /// <summary>Waits for the end.</summary>
    /// <param name="progress">Who is told.</param>
    /// <param name="cancellationToken">When to cancel.</param>
    /// <returns>The library's answer.</returns>
    private NativePrefetchProgress Wait(IProgress<PrefetchResult>? progress, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration cancels = cancellationToken.Register(() => _ = NativeMethods.gpusvm_prefetch_cancel(operation)); // If it has ended, there is nothing to cancel.
        NativePrefetchProgress told;
        while (!TryWait(ProgressMilliseconds, out told))
            progress?.Report(told.ToResult());
        return told;
    }

    /// <summary>Waits a while.</summary>
    /// <param name="milliseconds">How long at most.</param>
    /// <param name="told">How far it is.</param>
    /// <returns>Whether it has ended.</returns>
    private unsafe bool TryWait(uint milliseconds, out NativePrefetchProgress told)
    {
        told = new NativePrefetchProgress { StructBytes = (uint)sizeof(NativePrefetchProgress) };
        int status = NativeMethods.gpusvm_prefetch_wait(operation, milliseconds, ref told);
        if (status == (int)StatusCode.TimedOut)
            return false;
        NativeErrors.Check(status);
        return true;
    }

    /// <summary>Says what came of it, to everybody who wants to know.</summary>
    /// <param name="told">The library's answer.</param>
    /// <param name="cancellationToken">Who may have cancelled it.</param>
    /// <returns>What was done.</returns>
    private PrefetchResult End(NativePrefetchProgress told, CancellationToken cancellationToken)
    {
        var status = (StatusCode)told.Status;
        PrefetchResult result = told.ToResult();
        activity?.SetTag("gpusvm.requested", result.RequestedBytes).SetTag("gpusvm.moved", result.MovedBytes).SetTag("gpusvm.failed", result.FailedBytes);
        string message = result.FailedBytes == 0 ? "" : $"Of {result.RequestedBytes} bytes {result.FailedBytes} could not be moved: {status}.";
        SvmActivities.End(activity, status, message);
        if (status is not (StatusCode.Done or StatusCode.Cancelled))
            SvmLog.PrefetchIncomplete(logger, result.FailedBytes, result.RequestedBytes, location, status);
        return status switch
        {
            StatusCode.Done or StatusCode.OutOfDeviceMemory => result,
            StatusCode.Cancelled => throw new OperationCanceledException($"The prefetch was cancelled after {result.MovedBytes} bytes had moved; they stay where they are.", cancellationToken),
            _ => throw new SharedMemoryException(status, message),
        };
    }
}
