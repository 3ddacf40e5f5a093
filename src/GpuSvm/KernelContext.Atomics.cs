// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;

namespace GpuSvm;

/// <content>Atomic operations beyond adding.</content>
public readonly unsafe ref partial struct KernelContext
{
    private const uint CompareExchangeOperation = 9; // GPUSVM_ATOMIC_COMPARE_EXCHANGE.
    private const uint MaxUnsignedOperation = 10;    // GPUSVM_ATOMIC_MAX_UNSIGNED.
    private const uint MinUnsignedOperation = 11;    // GPUSVM_ATOMIC_MIN_UNSIGNED.

    /// <summary>Changes an integer of shared memory, atomically with respect to all units, and on real memory to CPU threads as well.</summary>
    /// <typeparam name="T">int, uint, long or ulong.</typeparam>
    /// <param name="address">Its address, aligned to its size.</param>
    /// <param name="operation">What becomes of it.</param>
    /// <param name="value">The operand.</param>
    /// <returns>The value before.</returns>
    public T Atomic<T>(nint address, AtomicOperation operation, T value)
        where T : unmanaged
    {
        if (operation is < AtomicOperation.Add or > AtomicOperation.Exchange)
            throw new ArgumentOutOfRangeException(nameof(operation), operation, "There is no such operation: use a member of AtomicOperation, or AtomicCompareExchange.");
        bool isUnsigned = typeof(T) == typeof(uint) || typeof(T) == typeof(ulong);
        uint number = operation switch
        {
            AtomicOperation.Max when isUnsigned => MaxUnsignedOperation,
            AtomicOperation.Min when isUnsigned => MinUnsignedOperation,
            _ => (uint)operation,
        };
        return AtomicCall(address, number, value, default);
    }

    /// <summary>Replaces an integer of shared memory if it is what is expected, as <see cref="Atomic{T}(nint, AtomicOperation, T)"/>.</summary>
    /// <typeparam name="T">int, uint, long or ulong.</typeparam>
    /// <param name="address">Its address, aligned to its size.</param>
    /// <param name="value">What it becomes.</param>
    /// <param name="comparand">If it was this.</param>
    /// <returns>The value before: the comparand if it was replaced.</returns>
    public T AtomicCompareExchange<T>(nint address, T value, T comparand)
        where T : unmanaged
        => AtomicCall(address, CompareExchangeOperation, value, comparand);

    /// <summary>Changes an element of an array, as <see cref="Atomic{T}(nint, AtomicOperation, T)"/>.</summary>
    /// <typeparam name="T">int, uint, long or ulong.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="index">The element's index.</param>
    /// <param name="operation">What becomes of it.</param>
    /// <param name="value">The operand.</param>
    /// <returns>The value before.</returns>
    public T Atomic<T>(SharedArray<T> array, nint index, AtomicOperation operation, T value)
        where T : unmanaged
        => Atomic(array.AddressOf(index, 1), operation, value);

    /// <summary>Replaces an element of an array if it is what is expected, as <see cref="AtomicCompareExchange{T}(nint, T, T)"/>.</summary>
    /// <typeparam name="T">int, uint, long or ulong.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="index">The element's index.</param>
    /// <param name="value">What it becomes.</param>
    /// <param name="comparand">If it was this.</param>
    /// <returns>The value before.</returns>
    public T AtomicCompareExchange<T>(SharedArray<T> array, nint index, T value, T comparand)
        where T : unmanaged
        => AtomicCompareExchange(array.AddressOf(index, 1), value, comparand);

    /// <summary>Calls the library.</summary>
    /// <typeparam name="T">The integer's type.</typeparam>
    /// <param name="address">The integer's address.</param>
    /// <param name="operation">A gpusvm_atomic.</param>
    /// <param name="value">The operand.</param>
    /// <param name="comparand">What to compare with.</param>
    /// <returns>The value before.</returns>
    private T AtomicCall<T>(nint address, uint operation, T value, T comparand)
        where T : unmanaged
    {
        if (typeof(T) != typeof(int) && typeof(T) != typeof(uint) && typeof(T) != typeof(long) && typeof(T) != typeof(ulong))
            throw new ArgumentException($"Atomic operations work on int, uint, long and ulong, not on {typeof(T)}.");
        if (_data->Functions->StructBytes < (ulong)sizeof(KernelFunctions))
            throw new KernelAbortException(StatusCode.NotSupported); // A library from before there were such operations.
        long old;
        // SAFETY: old lives on this stack frame during the call.
        Check(_data->Functions->Atomic(_data, (ulong)address, operation, Wide(value), Wide(comparand), (uint)sizeof(T), &old));
        return sizeof(T) == sizeof(int) ? Unsafe.BitCast<int, T>((int)old) : Unsafe.BitCast<long, T>(old);
    }

    /// <summary>An operand as the library takes it.</summary>
    /// <typeparam name="T">int, uint, long or ulong.</typeparam>
    /// <param name="value">The operand.</param>
    /// <returns>Its bits; of 4 bytes in the low half.</returns>
    private static long Wide<T>(T value)
        where T : unmanaged
        => sizeof(T) == sizeof(int) ? Unsafe.BitCast<T, int>(value) : Unsafe.BitCast<T, long>(value);
}
