// SPDX-License-Identifier: MIT
using System.Buffers;

namespace GpuSvm;

/// <summary>A part of a <see cref="SharedArray{T}"/> that lies beyond element <see cref="int.MaxValue"/>, where a <see cref="Memory{T}"/> of the array itself cannot reach.</summary>
/// <typeparam name="T">The element's type.</typeparam>
/// <param name="array">The array; it owns the pages.</param>
/// <param name="start">The part's first element, checked to lie inside.</param>
/// <param name="length">Its length.</param>
internal sealed class SharedArrayPart<T>(SharedArray<T> array, nint start, int length) : MemoryManager<T>
    where T : unmanaged
{
    /// <inheritdoc/>
    public override Span<T> GetSpan() => array.Slice(start, length);

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0) => array.PinAt(start + elementIndex, this);

    /// <inheritdoc/>
    public override void Unpin() => array.Unpin();

    /// <summary>Does nothing: the array is disposed by who allocated it.</summary>
    /// <param name="disposing">Not used.</param>
    protected override void Dispose(bool disposing)
    {
    }
}
