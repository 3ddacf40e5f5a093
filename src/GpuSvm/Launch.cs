// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Observing;

namespace GpuSvm;

/// <summary>A kernel that was started. Launches of one queue run in the order they were started, and those that <see cref="SharedMemory"/> starts itself are of one queue.</summary>
/// <remarks>
/// The end is read from the library once, by whoever waits first; the others wait for that one. Waiting is allowed from any thread except a kernel's own.
/// </remarks>
public sealed class Launch : IDisposable
{
    private readonly Lock _gate = new(); // Held by whoever reads the end, also while that waits.
    private readonly Lock _taskGate = new(); // Held for moments only.
    private readonly ulong _handle;
    private readonly ManagedKernel? _kernel;
    private readonly LaunchReport _report;
    private LaunchOutcome? _outcome;
    private Task? _task; // Guarded by _taskGate.

    /// <summary>Wraps a started launch.</summary>
    /// <param name="handle">The library's handle.</param>
    /// <param name="kernel">The managed kernel to release at the end; null for a native one.</param>
    /// <param name="report">Tells its end to those who watch.</param>
    internal Launch(ulong handle, ManagedKernel? kernel, in LaunchReport report)
    {
        _handle = handle;
        _kernel = kernel;
        _report = report;
    }

    /// <summary>From the launch to its last group's end; the time so far is not told: zero until a wait has seen the end.</summary>
    public TimeSpan Elapsed => Volatile.Read(ref _outcome)?.Elapsed ?? TimeSpan.Zero;

    /// <summary>Whether the launch has ended, well or not; never waits.</summary>
    public bool IsCompleted => TryComplete(0);

    /// <summary>Waits until the launch has ended. Throws how it failed: <see cref="KernelAccessException"/>, <see cref="KernelFailedException"/>.</summary>
    public void Wait()
    {
        Complete();
        ThrowIfFailed();
    }

    /// <summary>Waits a while; throws as <see cref="Wait()"/> does.</summary>
    /// <param name="timeout">How long at most; <see cref="Timeout.InfiniteTimeSpan"/> for as long as it takes.</param>
    /// <returns>False if it still runs.</returns>
    public bool Wait(TimeSpan timeout)
    {
        if (timeout != Timeout.InfiniteTimeSpan)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.Zero);
            if (!TryComplete((long)timeout.TotalMilliseconds))
                return false;
        }
        Wait();
        return true;
    }

    /// <summary>Waits without holding the caller or a thread of the pool; the task fails as <see cref="Wait()"/> throws.</summary>
    /// <param name="cancellationToken">Ends the waiting, not the launch.</param>
    /// <returns>Ends with the launch; at once, and without an allocation, if that has ended well.</returns>
    public ValueTask WaitAsync(CancellationToken cancellationToken = default)
    {
        if (IsCompleted && _outcome!.Status == StatusCode.Done)
            return ValueTask.CompletedTask;
        Task task;
        lock (_taskGate)
        {
            task = _task ??= WaitingThreads.Run(() =>
            {
                Wait();
                return true;
            });
        }

        return new ValueTask(task.WaitAsync(cancellationToken));
    }

    /// <summary>Waits until the launch has ended, without telling how; a launch cannot be stopped half-way.</summary>
    public void Dispose() => Complete();

    /// <summary>The library's handle; it ends when the launch's end has been read.</summary>
    internal ulong Handle => _handle;

    /// <summary>Waits until the end has been read.</summary>
    internal void Complete()
    {
        while (!TryComplete(int.MaxValue))
        {
            // A launch may run for weeks; the library counts milliseconds in 32 bits.
        }
    }

    /// <summary>Reads the launch's end from the library, or waits for the thread that is doing so.</summary>
    /// <param name="milliseconds">How long at most; 0 looks and does not wait.</param>
    /// <returns>Whether the end is known.</returns>
    internal bool TryComplete(long milliseconds)
    {
        if (Volatile.Read(ref _outcome) != null)
            return true;
        if (ManagedKernel.IsInside && milliseconds != 0)
            throw new InvalidOperationException("A kernel cannot wait for a launch: launches run in order, and its own has not ended.");
        long start = Stopwatch.GetTimestamp();
        int limit = (int)Math.Min(milliseconds, int.MaxValue);
        if (!_gate.TryEnter(limit))
            return false;
        try
        {
            if (_outcome != null)
                return true;
            long left = Math.Max(0, limit - (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            LaunchOutcome? outcome = LaunchOutcome.TryRead(_handle, (uint)left);
            if (outcome == null)
                return false;
            _kernel?.Release();
            Volatile.Write(ref _outcome, outcome); // pairs with the reads outside the lock
            _report.End(outcome);
            return true;
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Throws how the launch failed, if it did; its end must be known.</summary>
    private void ThrowIfFailed()
    {
        LaunchOutcome outcome = _outcome!;
        if (outcome.Status == StatusCode.Done)
            return;
        if (outcome.Status == StatusCode.KernelFailed)
            throw new KernelFailedException(outcome.Message, _kernel?.Exception);
        if (outcome.Address != 0)
            throw new KernelAccessException(outcome.Address, outcome.Access, outcome.Status, outcome.Message);
        throw new SharedMemoryException(outcome.Status, outcome.Message, _kernel?.Exception);
    }
}
