// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Interop;

namespace GpuSvm;

/// <summary>
/// An array of the program's own that devices use in place, made by <see cref="SharedMemory.UseInPlace"/>: no copy, no allocation, and its pages never move, for they belong to the collector. CPU and
/// devices may use it at the same time. It is pinned until this object is disposed.
/// </summary>
/// <typeparam name="T">The element's type.</typeparam>
/// <remarks>
/// Kernels find it at addresses of its own (<see cref="AddressOf"/>) and reach it through <see cref="KernelContext"/> as they reach shared memory. Every access goes to system memory: what a device uses
/// often is better kept in a <see cref="SharedArray{T}"/>. Atomic operations of kernels on it hold among kernels, not against CPU threads.
/// </remarks>
public sealed class InPlaceArray<T> : IDisposable
    where T : unmanaged
{
    private readonly SharedMemory _memory;
    private readonly ulong _userptr;
    private readonly nint _address;
    private GCHandle _pin;
    private int _disposed; // Interlocked.

    /// <summary>Wraps a registered array.</summary>
    /// <param name="memory">Where.</param>
    /// <param name="array">The array.</param>
    /// <param name="pin">What pins it; freed here.</param>
    /// <param name="userptr">The library's handle.</param>
    /// <param name="address">Where kernels find the first element.</param>
    /// <param name="isReadOnly">Whether kernels may only read it.</param>
    internal InPlaceArray(SharedMemory memory, T[] array, GCHandle pin, ulong userptr, nint address, bool isReadOnly)
    {
        _memory = memory;
        _pin = pin;
        _userptr = userptr;
        _address = address;
        Array = array;
        IsReadOnly = isReadOnly;
    }

    /// <summary>The array.</summary>
    public T[] Array { get; }

    /// <summary>The length in elements.</summary>
    public int Length => Array.Length;

    /// <summary>Whether kernels may only read it.</summary>
    public bool IsReadOnly { get; }

    /// <summary>Where kernels find an element, for <see cref="KernelContext.Read{T}(nint, Span{T})"/> and its kin.</summary>
    /// <param name="index">The first element's index.</param>
    /// <param name="length">How many elements must follow inside the array.</param>
    /// <returns>The device address; the CPU must not use it.</returns>
    public nint AddressOf(nint index, nint length = 1)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this); // Pairs with Dispose.
        if (index < 0 || length < 0 || index > Array.Length - length)
            throw new ArgumentOutOfRangeException(nameof(index), $"Elements {index} to {index + length} do not lie inside an array of {Array.Length}.");
        unsafe
        {
            return _address + (index * sizeof(T));
        }
    }

    /// <summary>Says that a launch uses the array, for launches in a memory without faults.</summary>
    /// <param name="access">The strongest access.</param>
    /// <returns>What the launch is given.</returns>
    public unsafe ArrayUse Use(KernelAccess access = KernelAccess.Write) => new(AddressOf(0, 0), (nint)Array.Length * sizeof(T), access);

    /// <summary>Takes the array away from the devices, waits until none can reach it any more, and unpins it. Kernels that still reach for it fail with the address.</summary>
    public void Dispose()
    {
        if (ManagedKernel.IsInside)
            throw new InvalidOperationException("A kernel cannot take an array away from the devices: it is one of those that must be done with it.");
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _memory.Forget(this);
        int status = NativeMethods.gpusvm_userptr_unregister(_userptr);
        if (status is not ((int)StatusCode.Done or (int)StatusCode.InvalidHandle)) // If its memory has ended, so has it.
            throw NativeErrors.ExceptionFor(status); // A device may still reach it: it stays pinned.
        _pin.Free();
    }
}
