// SPDX-License-Identifier: MIT
using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace GpuSvm;

/// <summary>
/// An array in shared memory: the same addresses for the CPU, through <see cref="Span"/>, <see cref="this[nint]"/> or <see cref="Pointer"/>, and for
/// kernels, through <see cref="KernelContext"/>. It may be longer than 2 GiB and larger than the device's memory.
/// </summary>
/// <typeparam name="T">The element's type.</typeparam>
/// <remarks>
/// It is a <see cref="MemoryManager{T}"/>, so that code which takes a <see cref="Memory{T}"/> or an <see cref="IMemoryOwner{T}"/> works in shared memory: streams, sockets, parsers.
/// <para>Dispose it when no launch and no span uses it any more; disposing twice is harmless. From then on the array and every <see cref="Memory{T}"/> of it answer
/// <see cref="ObjectDisposedException"/>. What is pinned at that time (an asynchronous read or write in progress pins its memory), and what a prefetch is moving, stays
/// usable until it is let go: the pages are given back after that, and those of a closing <see cref="SharedMemory"/> as well. A span cannot know: it must not be used any more.</para>
/// <para>An array that nobody disposes is counted (<see cref="SharedMemory.LeakedArrays"/>), logged, and freed with its <see cref="SharedMemory"/>, not by the collector: a span or
/// a launch that works on it keeps its memory in use but does not keep this object alive.</para>
/// </remarks>
public sealed unsafe class SharedArray<T> : MemoryManager<T>, IDisposable, ISharedAllocation
    where T : unmanaged
{
    private readonly SharedMemory _memory;
    private readonly nint _start; // As _pointer, and still known when that is null.
    private readonly nint _bytes;
    private T* _pointer;
    private nint _length;
    private int _disposed;
    private int _holds = 1; // The owner's and one for each pin; the pages go with the last. Interlocked.

    /// <summary>Wraps an allocation.</summary>
    /// <param name="memory">Where it was allocated.</param>
    /// <param name="pointer">Its first byte.</param>
    /// <param name="length">Its length in elements.</param>
    internal SharedArray(SharedMemory memory, T* pointer, nint length)
    {
        _memory = memory;
        _start = (nint)pointer;
        _bytes = length * sizeof(T);
        _pointer = pointer;
        _length = length;
    }

    /// <summary>Reports an array that nobody disposed; see the remarks of the class.</summary>
#pragma warning disable CA2015 // It frees nothing, so no span can lose its memory to it.
    ~SharedArray() => _memory?.ReportLeak(_start, _bytes);
#pragma warning restore CA2015

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

    /// <summary>The whole array, for framework code. Above <see cref="int.MaxValue"/> elements no memory can cover it: use <see cref="AsMemory"/>.</summary>
    public override Memory<T> Memory => Length <= int.MaxValue
        ? CreateMemory((int)_length)
        : throw new InvalidOperationException($"The array has {_length} elements, more than one Memory can cover ({int.MaxValue}). Use AsMemory(start, length) piece by piece.");

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

    /// <summary>A part of the array for framework code; it may begin beyond element <see cref="int.MaxValue"/>.</summary>
    /// <param name="start">The first element's index.</param>
    /// <param name="length">How many elements.</param>
    /// <returns>The memory; it ends with the array.</returns>
    public Memory<T> AsMemory(nint start, int length)
    {
        _ = AddressOf(start, length);
        return start + length <= int.MaxValue ? CreateMemory((int)start, length) : new SharedArrayPart<T>(this, start, length).Memory;
    }

    /// <summary>The first elements, at most <see cref="int.MaxValue"/>: what a <see cref="Memory{T}"/> of the array lies in. Programs use <see cref="Span"/> or <see cref="Slice"/>.</summary>
    /// <returns>The span.</returns>
    public override Span<T> GetSpan()
    {
        ThrowIfDisposed();
        return new Span<T>(_pointer, (int)Math.Min(_length, int.MaxValue)); // SAFETY: as in Span.
    }

    /// <summary>Keeps the pages until the handle is disposed, even if the array or its memory is disposed before. The address never changes, pinned or not.</summary>
    /// <param name="elementIndex">The element to point at, 0 to <see cref="Length"/>.</param>
    /// <returns>The handle; dispose it.</returns>
    public override MemoryHandle Pin(int elementIndex = 0) => PinAt(elementIndex, this);

    /// <summary>Lets go of what one <see cref="Pin"/> keeps; the handle does so when it is disposed.</summary>
    public override void Unpin() => ((ISharedAllocation)this).Release();

    /// <summary>Frees the array. Kernels that still reach for it fail with its address; nothing else happens to them.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    void ISharedAllocation.OnMemoryClosed() => Dispose();

    /// <inheritdoc/>
    bool ISharedAllocation.TryHold()
    {
        int holds = Volatile.Read(ref _holds); // Pairs with the exchanges here and in Release.
        while (holds > 0 && _pointer != null)
        {
            int found = Interlocked.CompareExchange(ref _holds, holds + 1, holds);
            if (found == holds)
            {
                try
                {
                    _memory.Hold();
                    return true;
                }
                catch (ObjectDisposedException)
                {
                    LetGo();
                    return false;
                }
            }

            holds = found;
        }

        return false;
    }

    /// <inheritdoc/>
    void ISharedAllocation.Release()
    {
        LetGo();
        _memory.LetGo();
    }

    /// <summary>Pins for the array or for one of its parts.</summary>
    /// <param name="index">The element to point at, 0 to <see cref="Length"/>.</param>
    /// <param name="pinnable">Whose Unpin lets go.</param>
    /// <returns>The handle.</returns>
    internal MemoryHandle PinAt(nint index, IPinnable pinnable)
    {
        nint address = AddressOf(index, 0);
        ObjectDisposedException.ThrowIf(!((ISharedAllocation)this).TryHold(), this);
        return new MemoryHandle((void*)address, default, pinnable);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _length = 0; // Makes every later use fail.
        _pointer = null;
        LetGo();
    }

    /// <summary>Gives one hold back, and the pages with the last.</summary>
    private void LetGo()
    {
        if (Interlocked.Decrement(ref _holds) == 0)
            _memory.Free(_start);
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

    /// <summary>Fails a use after <see cref="Dispose()"/>.</summary>
    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_pointer == null, this);

    /// <summary>Fails an index, or a use after <see cref="Dispose()"/>.</summary>
    /// <param name="index">The index.</param>
    [DoesNotReturn]
    private void ThrowIndex(nint index)
    {
        ThrowIfDisposed();
        throw new ArgumentOutOfRangeException(nameof(index), index, $"The index must lie between 0 and {_length - 1}.");
    }
}
