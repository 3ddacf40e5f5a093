// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;

namespace GpuSvm.Tests;

/// <summary>Who works on shared memory: CPU threads by pointer, or a device by its kernels. Algorithms are written once for both.</summary>
internal readonly unsafe ref struct Participant
{
    private readonly KernelContext _context;

    /// <summary>A CPU thread.</summary>
    public Participant() => IsCpu = true;

    /// <summary>A group of a kernel.</summary>
    public Participant(KernelContext context) => _context = context;

    /// <summary>Whether it is a CPU thread.</summary>
    public bool IsCpu { get; }

    /// <summary>Reads a value.</summary>
    public T Load<T>(nint address)
        where T : unmanaged
        => IsCpu ? Unsafe.ReadUnaligned<T>((void*)address) : _context.Load<T>(address); // SAFETY: memory of the test, which outlives its threads.

    /// <summary>Writes a value.</summary>
    public void Store<T>(nint address, T value)
        where T : unmanaged
    {
        if (IsCpu)
            Unsafe.WriteUnaligned((void*)address, value); // SAFETY: as in Load.
        else
            _context.Store(address, value);
    }

    /// <summary>Does an atomic operation; the CPU by a loop around compare-exchange.</summary>
    public int Atomic(nint address, AtomicOperation operation, int value)
    {
        if (!IsCpu)
            return _context.Atomic(address, operation, value);
        ref int integer = ref *(int*)address; // SAFETY: as in Load.
        while (true)
        {
            int before = Volatile.Read(ref integer);
            if (Interlocked.CompareExchange(ref integer, (int)Formulas.Apply(operation, before, value, (uint)before, (uint)value), before) == before)
                return before;
        }
    }

    /// <summary>Does an atomic operation; the CPU by a loop around compare-exchange.</summary>
    public long Atomic(nint address, AtomicOperation operation, long value)
    {
        if (!IsCpu)
            return _context.Atomic(address, operation, value);
        ref long integer = ref *(long*)address; // SAFETY: as in Load.
        while (true)
        {
            long before = Volatile.Read(ref integer);
            if (Interlocked.CompareExchange(ref integer, Formulas.Apply(operation, before, value, (ulong)before, (ulong)value), before) == before)
                return before;
        }
    }

    /// <summary>Replaces a value if it is what is expected; tells what it was.</summary>
    public long CompareExchange(nint address, long value, long comparand)
        => IsCpu ? Interlocked.CompareExchange(ref *(long*)address, value, comparand) : _context.AtomicCompareExchange(address, value, comparand); // SAFETY: as in Load.

    /// <summary>Replaces a value if it is what is expected; tells what it was.</summary>
    public int CompareExchange(nint address, int value, int comparand)
        => IsCpu ? Interlocked.CompareExchange(ref *(int*)address, value, comparand) : _context.AtomicCompareExchange(address, value, comparand); // SAFETY: as in Load.
}
