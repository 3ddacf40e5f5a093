// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <content>Arrays of the program's own.</content>
public readonly unsafe ref partial struct KernelContext
{
    /// <summary>Copies elements of an array that is used in place, as <see cref="Read{T}(nint, Span{T})"/>.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="start">The first element's index.</param>
    /// <param name="destination">Private memory.</param>
    public void Read<T>(InPlaceArray<T> array, nint start, Span<T> destination)
        where T : unmanaged
        => Read(array.AddressOf(start, destination.Length), destination);

    /// <summary>Copies elements into an array that is used in place, as <see cref="Write{T}(nint, ReadOnlySpan{T})"/>.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="start">The first element's index.</param>
    /// <param name="source">Private memory.</param>
    public void Write<T>(InPlaceArray<T> array, nint start, ReadOnlySpan<T> source)
        where T : unmanaged
        => Write(array.AddressOf(start, source.Length), source);

    /// <summary>Reads one element of an array that is used in place.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="index">The element's index.</param>
    /// <returns>The element.</returns>
    public T Load<T>(InPlaceArray<T> array, nint index)
        where T : unmanaged
        => Load<T>(array.AddressOf(index));

    /// <summary>Writes one element of an array that is used in place.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="index">The element's index.</param>
    /// <param name="value">The element.</param>
    public void Store<T>(InPlaceArray<T> array, nint index, T value)
        where T : unmanaged
        => Store(array.AddressOf(index), value);
}
