// SPDX-License-Identifier: MIT
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Stress.Interop;

namespace GpuSvm.Stress;

/// <summary>
/// Loads and stores of a program's thread on shared memory, as faults of the CPU that answer where an instruction would raise a signal: a pipe, into which the kernel copies from the page, or
/// out of it.
/// </summary>
/// <remarks>
/// The kernel copies by the same page table and faults as the thread itself, unlike process_vm_readv, which pins the page and so keeps it from moving. Numbers of 8 bytes go as one.
/// One thread uses a channel at a time; it sleeps in the call while its page is away, in preemptive mode.
/// </remarks>
internal sealed unsafe class TouchChannel
{
    private static readonly ConcurrentBag<TouchChannel> _idle = [];
    private static readonly nint _futexNumber = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 98 : 202;

    private const int MaxAttempts = 10_000; // Of an addition whose page goes again and again.

    private readonly int _out;
    private readonly int _in;

    /// <summary>Makes the pipe.</summary>
    /// <exception cref="InvalidOperationException">There is no descriptor left.</exception>
    private TouchChannel()
    {
        int* ends = stackalloc int[2]; // SAFETY: two descriptors on this frame.
        if (LibC.pipe2(ends, LibC.CloseOnExec) != 0)
            throw new InvalidOperationException($"No pipe can be had ({Marshal.GetLastPInvokeErrorMessage()}): ulimit -n 4096.");
        _out = ends[0];
        _in = ends[1];
    }

    /// <summary>Takes one that nobody uses.</summary>
    /// <returns>The channel.</returns>
    internal static TouchChannel Take() => _idle.TryTake(out TouchChannel? channel) ? channel : new TouchChannel();

    /// <summary>Gives it back.</summary>
    internal void Return() => _idle.Add(this);

    /// <summary>Loads bytes.</summary>
    /// <param name="address">The first byte, in shared memory.</param>
    /// <param name="destination">Private memory.</param>
    /// <returns>False where the thread would get a signal.</returns>
    internal bool TryRead(ulong address, Span<byte> destination)
    {
        // SAFETY: the kernel looks at the address; what is private is pinned.
        fixed (byte* to = destination)
            return LibC.write(_in, (void*)address, (nuint)destination.Length) == destination.Length && LibC.read(_out, to, (nuint)destination.Length) == destination.Length;
    }

    /// <summary>Stores bytes.</summary>
    /// <param name="address">The first byte, in shared memory.</param>
    /// <param name="source">Private memory.</param>
    /// <returns>False where the thread would get a signal.</returns>
    internal bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        // SAFETY: as in TryRead.
        fixed (byte* from = source)
        {
            _ = LibC.write(_in, from, (nuint)source.Length);
            if (LibC.read(_out, (void*)address, (nuint)source.Length) == source.Length)
                return true;
            byte* drain = stackalloc byte[source.Length]; // It is still in the pipe.
            _ = LibC.read(_out, drain, (nuint)source.Length);
            return false;
        }
    }

    /// <summary>Adds to a number by one locked instruction of the kernel's, with the calling thread's page table.</summary>
    /// <param name="address">The number, 8-byte aligned, in shared memory; its sum stays below 2^31, as the instruction takes four bytes.</param>
    /// <param name="delta">0 to 2047.</param>
    /// <returns>False where the thread would get a signal.</returns>
    internal static bool TryAdd(ulong address, long delta)
    {
        const nint AddAndCompareEqual = 1 << 28;
        long word = 0; // Nobody waits at it.

        // SAFETY: the word lives on this frame; the kernel looks at the address. The futex call gives up where its page is absent or protected (it may not sleep for a userfaultfd), so the page is
        // made present by another call first, and may have gone again by then.
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            if (LibC.futex(_futexNumber, &word, LibC.FutexWakeOperation, 0, 0, (void*)address, AddAndCompareEqual | ((nint)delta << 12)) >= 0)
                return true;
            if (LibC.madvise((nint)(address & ~((ulong)PageSize.Bytes - 1)), PageSize.Bytes, LibC.PopulateForWriting) != 0)
                return false;
        }

        return false;
    }
}
