// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>
/// Threads that wait inside the library for somebody who awaits a task, so that no thread of the pool is held: a pool that waits for kernels could not
/// run the work that the kernels wait for.
/// </summary>
/// <remarks>
/// A wait that ends leaves its thread to the next; a thread without work ends after two seconds. A program that awaits one launch after another uses one thread for all.
/// Locking: <see cref="_gate"/> guards the queue; waits run without it.
/// </remarks>
internal static class WaitingThreads
{
    private const int IdleMilliseconds = 2000;
    private const int StackBytes = 256 * 1024;

    private static readonly object _gate = new(); // A monitor: threads without work wait for its pulse.
    private static readonly Queue<Action> _waits = new(); // Guarded by _gate.
    private static int _idle; // Threads that wait for the pulse. Guarded by _gate.

    /// <summary>Waits on one of the threads.</summary>
    /// <typeparam name="T">What the wait ends with.</typeparam>
    /// <param name="wait">Blocks, and returns or throws what becomes of the task.</param>
    /// <returns>The task; its continuations run on the pool.</returns>
    public static Task<T> Run<T>(Func<T> wait)
    {
        var source = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Enqueue(() => Complete(source, wait));
        return source.Task;
    }

    /// <summary>Has a thread take a wait: an idle one, or else a new one.</summary>
    /// <param name="wait">Never throws.</param>
    private static void Enqueue(Action wait)
    {
        lock (_gate)
        {
            _waits.Enqueue(wait);
            if (_idle >= _waits.Count)
            {
                Monitor.Pulse(_gate);
                return;
            }
        }

        new Thread(Serve, StackBytes) { IsBackground = true, Name = "GpuSvm wait" }.Start();
    }

    /// <summary>One thread's life.</summary>
    private static void Serve()
    {
        while (TryTake(out Action? wait))
            wait();
    }

    /// <summary>Takes the next wait, or waits a while for one.</summary>
    /// <param name="wait">The wait.</param>
    /// <returns>False if the thread should end.</returns>
    private static bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Action? wait)
    {
        lock (_gate)
        {
            if (_waits.Count == 0)
            {
                _idle++;
                Monitor.Wait(_gate, IdleMilliseconds);
                _idle--;
            }

            return _waits.TryDequeue(out wait);
        }
    }

    /// <summary>Runs a wait and ends its task.</summary>
    /// <typeparam name="T">What the wait ends with.</typeparam>
    /// <param name="source">The task.</param>
    /// <param name="wait">The wait.</param>
    private static void Complete<T>(TaskCompletionSource<T> source, Func<T> wait)
    {
        try
        {
            source.SetResult(wait());
        }
        catch (OperationCanceledException cancelled)
        {
            source.SetCanceled(cancelled.CancellationToken);
        }
#pragma warning disable CA1031 // Whatever it is comes out of the task.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            source.SetException(exception);
        }
    }
}
