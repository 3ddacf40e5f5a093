// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <content>What a program wishes of its memory.</content>
public sealed partial class SharedMemory
{
    /// <summary>Says what is wished of an array. Pages stay where they are until they are touched; wishes end with the array.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="advice">The wishes; what is null stays as it is.</param>
    /// <exception cref="ArgumentException">A wish makes no sense; the message says which, and none has changed.</exception>
    /// <exception cref="SharedMemoryException">There is no memory to keep a wish; none has changed.</exception>
    public void Advise<T>(SharedArray<T> array, in MemoryAdvice advice)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        Advise(array, 0, array.Length, advice);
    }

    /// <summary>Says what is wished of a part of an array; otherwise as the other overload.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="start">The first element's index.</param>
    /// <param name="length">How many elements, at least 1; widened to whole pages.</param>
    /// <param name="advice">As in the other overload.</param>
    public unsafe void Advise<T>(SharedArray<T> array, nint start, nint length, in MemoryAdvice advice)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        ObjectDisposedException.ThrowIf(_disposed, this);
        nint address = array.AddressOf(start, length);
        NativeErrors.Check(NativeMethods.gpusvm_advise(_handle, address, (ulong)(length * sizeof(T)), NativeAdvice.From(advice)));
    }
}
