// SPDX-License-Identifier: MIT
using System.Diagnostics.CodeAnalysis;

namespace GpuSvm;

/// <summary>
/// An array in shared memory: the same addresses for the CPU, through <see cref="Span"/>, <see cref="this[nint]"/> or <see cref="Pointer"/>, and for
/// kernels, through <see cref="KernelContext"/>. It may be longer than 2 GiB and larger than the device's memory.
/// </summary>
/// <typeparam name="T">The element's type.</typeparam>
/// <remarks>
/// Dispose it when no launch and no span uses it any more; disposing twice is harmless. An array that nobody disposes is counted
/// (<see cref="SharedMemory.LeakedArrays"/>) and freed with its <see cref="SharedMemory"/>, not by the collector: a span or a launch that works on
/// it keeps its memory in use but does not keep this object alive.
/// </remarks>
public sealed unsafe class SharedArray<T> : IDisposable, ISharedAllocation
    where T : unmanaged
{
    private readonly SharedMemory _memory;
    private T* _pointer;
    private nint _length;
    private int _disposed;

    /// <summary>Wraps an allocation.</summary>
    /// <param name="memory">Where it was allocated.</param>
    /// <param name="pointer">Its first byte.</param>
    /// <param name="length">Its length in elements.</param>
    internal SharedArray(SharedMemory memory, T* pointer, nint length)
    {
        _memory = memory;
        _pointer = pointer;
        _length = length;
    }

    /// <summary>Reports an array that nobody disposed; see the remarks of the class.</summary>
    ~SharedArray() => _memory?.ReportLeak();

    /// <summary>The length in elements.</summary>
    public nint Length
    {
        get
        {
            ThrowIfDisposed();
            return _length;
        }
    }

    /// <summary>The length in bytes.</summary>
    public nint LengthInBytes => Length * sizeof(T);

    /// <summary>The first element's address, for the CPU and for kernels alike.</summary>
    public nint Address => (nint)Pointer;

    /// <summary>The first element. Valid until the array is disposed; the collector never moves it.</summary>
    public T* Pointer
    {
        get
        {
            ThrowIfDisposed();
            return _pointer;
        }
    }

    /// <summary>The whole array. Above <see cref="int.MaxValue"/> elements no span can cover it: use <see cref="Slice"/>.</summary>
    public Span<T> Span
    {
        get
        {
            ThrowIfDisposed();
            if (_length > int.MaxValue)
                throw new InvalidOperationException($"The array has {_length} elements, more than one span can cover ({int.MaxValue}). Use Slice(start, length) piece by piece.");
            return new Span<T>(_pointer, (int)_length); // SAFETY: the allocation has exactly so many elements and lives until Dispose.
        }
    }


    /// <summary>One element.</summary>
    /// <param name="index">0 to <see cref="Length"/> - 1.</param>
    /// <returns>A reference to it, valid until the array is disposed.</returns>
    public ref T this[nint index]
    {
        get
        {
            // The length is 0 once disposed, so that one comparison guards both.
            if ((nuint)index >= (nuint)_length)
                ThrowIndex(index);
            return ref _pointer[index]; // SAFETY: inside the allocation.
        }
    }

    /// <summary>A part of the array.</summary>
    /// <param name="start">The first element's index.</param>
    /// <param name="length">How many elements.</param>
    /// <returns>The span, valid until the array is disposed.</returns>
    public Span<T> Slice(nint start, int length) => new((void*)AddressOf(start, length), length); // SAFETY: AddressOf checked the bounds.

    /// <summary>Says that a launch uses the whole array, for launches in a memory without faults.</summary>
    /// <param name="access">The strongest access.</param>
    /// <returns>What the launch is given.</returns>
    public ArrayUse Use(KernelAccess access = KernelAccess.Write) => Use(0, Length, access);

    /// <summary>Says that a launch uses a part of the array.</summary>
    /// <param name="start">The first element's index.</param>
    /// <param name="length">How many elements; the pages that hold them can be touched whole. 0 is no use.</param>
    /// <param name="access">The strongest access.</param>
    /// <returns>What the launch is given.</returns>
    public ArrayUse Use(nint start, nint length, KernelAccess access = KernelAccess.Write) => new(AddressOf(start, length), length * sizeof(T), access);

    /// <summary>Frees the array. Kernels that still reach for it fail with its address; nothing else happens to them.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        GC.SuppressFinalize(this);
        nint start = (nint)_pointer;
        Forget();
        _memory.Free(start);
    }

    /// <inheritdoc/>
    void ISharedAllocation.OnMemoryClosed()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
#pragma warning disable CA1816 // It is disposed, by its memory.
        GC.SuppressFinalize(this);
#pragma warning restore CA1816
        Forget();
    }

    /// <summary>The address of a part of the array.</summary>
    /// <param name="start">The first element's index.</param>
    /// <param name="length">How many elements, not negative.</param>
    /// <returns>The first byte, with all the elements inside the array.</returns>
    internal nint AddressOf(nint start, nint length)
    {
        ThrowIfDisposed();
        if (start < 0 || length < 0 || start > _length - length)
            throw new ArgumentOutOfRangeException(nameof(start), $"Elements {start} to {start + length} do not lie inside an array of {_length}.");
        return (nint)(_pointer + start);
    }

    /// <summary>Checks indices against the length; throws for the first one outside.</summary>
    /// <param name="indices">The indices of a gather or scatter.</param>
    internal void CheckIndices(ReadOnlySpan<long> indices)
    {
        ThrowIfDisposed();
        foreach (long index in indices)
        {
            if ((ulong)index >= (ulong)_length)
                ThrowIndex((nint)index);
        }
    }

    /// <summary>Makes every later use fail.</summary>
    private void Forget()
    {
        _length = 0;
        _pointer = null;
    }

    /// <summary>Fails a use after <see cref="Dispose"/>.</summary>
    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_pointer == null, this);

    /// <summary>Fails an index, or a use after <see cref="Dispose"/>.</summary>
    /// <param name="index">The index.</param>
    [DoesNotReturn]
    private void ThrowIndex(nint index)
    {
        ThrowIfDisposed();
        throw new ArgumentOutOfRangeException(nameof(index), index, $"The index must lie between 0 and {_length - 1}.");
    }
}
