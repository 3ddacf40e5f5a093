// SPDX-License-Identifier: MIT
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GpuSvm.Cli.Interop;
using GpuSvm.Cli.Workloads;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Bench;

/// <summary>The access patterns over private memory in huge pages, by as many threads as the device has units: the floor of kernel access.</summary>
internal sealed class RawAccess : IDisposable
{
    /// <summary>Threads that share the work.</summary>
    private readonly int _threads;

    /// <summary>Elements of each array.</summary>
    private readonly int _length;

    /// <summary>The three arrays' memory.</summary>
    private readonly PrivateBuffer[] _buffers;

    /// <summary>Makes the arrays: whole numbers that are small enough for exact sums.</summary>
    /// <param name="length">Elements of each array.</param>
    /// <param name="threads">Threads that share the work.</param>
    public RawAccess(int length, int threads)
    {
        (_length, _threads) = (length, threads);
        var bytes = (long)length * sizeof(double);
        _buffers = [new PrivateBuffer(bytes), new PrivateBuffer(bytes), new PrivateBuffer(bytes)];
        var b = _buffers[1].Span<double>(0, length);
        var c = _buffers[2].Span<double>(0, length);
        for (var index = 0; index < length; index++)
            (b[index], c[index]) = (index % 1021, index % 509);
        Indices = new long[length];
        var order = new SplitMix(1).Permutation(length);
        for (var index = 0; index < length; index++)
            Indices[index] = order[index];
    }

    /// <summary>The array that all patterns read.</summary>
    public ReadOnlySpan<double> B => _buffers[1].Span<double>(0, _length);

    /// <summary>The array that the triad reads as well.</summary>
    public ReadOnlySpan<double> C => _buffers[2].Span<double>(0, _length);

    /// <summary>All elements in random order.</summary>
    public long[] Indices { get; }

    /// <summary>What the threads summed up; added to under a lock.</summary>
    public double Total { get; set; }

    /// <summary>Runs a pattern on all threads.</summary>
    /// <param name="pattern">One of this object's patterns.</param>
    public void Run(Action<int> pattern) => CpuThreads.ForEachPiece(_threads, _threads, (thread, _) => pattern((int)thread));

    /// <summary>a = b + s * c.</summary>
    /// <param name="thread">Which share.</param>
    public void Triad(int thread)
    {
        var (start, count) = Share(thread);
        var a = _buffers[0].Span<double>(start, count);
        var b = B.Slice(start, count);
        var c = C.Slice(start, count);
        var vectors = MemoryMarshal.Cast<double, Vector<double>>(a);
        var lefts = MemoryMarshal.Cast<double, Vector<double>>(b);
        var rights = MemoryMarshal.Cast<double, Vector<double>>(c);
        for (var index = 0; index < vectors.Length; index++)
            vectors[index] = lefts[index] + (TriadWorkload.Factor * rights[index]);
        for (var index = vectors.Length * Vector<double>.Count; index < count; index++)
            a[index] = b[index] + (TriadWorkload.Factor * c[index]);
    }

    /// <summary>The sum of b.</summary>
    /// <param name="thread">Which share.</param>
    public void Sum(int thread)
    {
        var (start, count) = Share(thread);
        Add(SumOf(B.Slice(start, count)));
    }

    /// <summary>The sum of b in random order.</summary>
    /// <param name="thread">Which share.</param>
    public void Gather(int thread)
    {
        var (start, count) = Share(thread);
        ref var first = ref MemoryMarshal.GetReference(B);
        var (even, odd) = (0.0, 0.0);
        var indices = Indices.AsSpan(start, count);
        for (var index = 0; index + 1 < indices.Length; index += 2)
        {
            // SAFETY: every index is below the length of b; two sums, so that additions do not wait for one another.
            even += Unsafe.Add(ref first, (nint)indices[index]);
            odd += Unsafe.Add(ref first, (nint)indices[index + 1]);
        }

        if (indices.Length % 2 == 1)
            even += Unsafe.Add(ref first, (nint)indices[^1]);
        Add(even + odd);
    }

    /// <summary>The sum of some numbers, in vectors, four at a time.</summary>
    /// <param name="values">Any.</param>
    internal static double SumOf(ReadOnlySpan<double> values)
    {
        var vectors = MemoryMarshal.Cast<double, Vector<double>>(values);
        var (s0, s1, s2, s3) = (Vector<double>.Zero, Vector<double>.Zero, Vector<double>.Zero, Vector<double>.Zero);
        var index = 0;
        for (; index + 3 < vectors.Length; index += 4)
        {
            s0 += vectors[index];
            s1 += vectors[index + 1];
            s2 += vectors[index + 2];
            s3 += vectors[index + 3];
        }

        for (; index < vectors.Length; index++)
            s0 += vectors[index];
        var sum = Vector.Sum(s0 + s1 + s2 + s3);
        for (var rest = vectors.Length * Vector<double>.Count; rest < values.Length; rest++)
            sum += values[rest];
        return sum;
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        foreach (var buffer in _buffers)
            buffer.Dispose();
    }

    /// <summary>The elements that a thread works on.</summary>
    private (int Start, int Count) Share(int thread)
    {
        var start = (int)((long)_length * thread / _threads);
        return (start, (int)((long)_length * (thread + 1) / _threads) - start);
    }

    /// <summary>Adds a thread's sum to the total.</summary>
    private void Add(double sum)
    {
        lock (_buffers)
            Total += sum;
    }
}
