// SPDX-License-Identifier: MIT
using System.Runtime.ExceptionServices;

namespace GpuSvm.Cli.Workloads;

/// <summary>Work of the CPU side: plain threads, each over its own slice, as a program would write it.</summary>
internal static class CpuThreads
{
    /// <summary>
    /// The most elements that one span of a shared array is asked for at once; spans are limited to 2^31 elements, shared arrays are not.
    /// </summary>
    private const int PieceElements = 1 << 20;

    /// <summary>Cuts 0 .. <paramref name="count"/> into one slice per thread and runs them side by side; rethrows the first failure.</summary>
    /// <param name="count">Elements in all.</param>
    /// <param name="threads">Threads, at least 1.</param>
    /// <param name="work">Called with the start and the length of pieces of at most a million elements, in ascending order within a thread.</param>
    public static void ForEachPiece(long count, int threads, Action<long, int> work)
    {
        Exception? failure = null;
        var running = new Thread[threads];
        for (var number = 0; number < threads; number++)
        {
            var start = count / threads * number + Math.Min(number, count % threads);
            var end = start + (count / threads) + (number < count % threads ? 1 : 0);
            running[number] = new Thread(() =>
            {
                try
                {
                    for (var piece = start; piece < end; piece += PieceElements)
                        work(piece, (int)Math.Min(PieceElements, end - piece));
                }
                catch (Exception e)
                {
                    // Pairs with the joins below: a failure on one thread is reported on the caller's.
                    Interlocked.CompareExchange(ref failure, e, null);
                }
            });
            running[number].Start();
        }

        foreach (var thread in running)
            thread.Join();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Copies a private array into a shared one with several threads, through plain spans.</summary>
    /// <param name="source">What to copy.</param>
    /// <param name="target">Where to; as long as the source.</param>
    /// <param name="threads">Threads, at least 1.</param>
    public static void Copy<T>(T[] source, SharedArray<T> target, int threads)
        where T : unmanaged
        => ForEachPiece(source.Length, threads, (start, length) => source.AsSpan((int)start, length).CopyTo(target.Slice((nint)start, length)));
}
