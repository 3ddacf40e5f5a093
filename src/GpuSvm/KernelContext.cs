// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm;

/// <summary>
/// What a managed kernel sees: which group it is, and its way to shared memory. An access may fault on the device, wait until the pages are there, and
/// go on; a failed one unwinds the body and fails the launch with its address.
/// </summary>
/// <remarks>
/// Managed kernels copy (read, write, gather, scatter) and never hold a translated pointer, as kernels in C may through their windows function. A
/// managed thread can be suspended by the garbage collector at any moment: suspended with such a pointer it would make an invalidation wait for it,
/// while the collector waits for a thread whose page fault waits for that invalidation, and nothing would ever move again.
/// <para>The context belongs to the thread that runs the group, until the body returns; as a ref struct it cannot be kept longer.</para>
/// </remarks>
public readonly unsafe ref partial struct KernelContext
{
    private readonly KernelContextData* _data;
    private readonly ManagedKernel? _kernel; // Null in a native kernel.

    /// <summary>Wraps the context of a native kernel, so that an [UnmanagedCallersOnly] method can use these methods; it must catch what they throw.</summary>
    /// <param name="data">The pointer that the kernel was called with.</param>
    public KernelContext(KernelContextData* data) => _data = data;

    /// <summary>Wraps the context of a managed kernel.</summary>
    /// <param name="data">The library's context.</param>
    /// <param name="kernel">The kernel.</param>
    internal KernelContext(KernelContextData* data, ManagedKernel kernel)
        : this(data)
        => _kernel = kernel;

    /// <summary>Which group this is, 0 to <see cref="GroupCount"/> - 1.</summary>
    public nint GroupIndex => (nint)_data->GroupIndex;

    /// <summary>How many groups the launch has.</summary>
    public nint GroupCount => (nint)_data->GroupCount;

    /// <summary>The compute unit that runs this group, from 0: at any moment no two running groups share one.</summary>
    public int Unit => (int)_data->Unit;

    /// <summary>What the launch runs over; of a launch that counts groups only, groups of one item.</summary>
    public IndexSpace Space => _kernel?.Space ?? new IndexSpace(new Extent3(GroupCount), new Extent3(1));

    /// <summary>The items of this group: foreach goes through them, <see cref="WorkGroup.Rows"/> through its rows.</summary>
    public WorkGroup Group => Space.GroupAt(GroupIndex);

    /// <summary>This group's part of a number of items, cut evenly: parts differ by at most one item and cover all of them.</summary>
    /// <param name="items">How many items all groups share.</param>
    /// <returns>The first item, and how many; the count may be 0.</returns>
    public (nint Start, nint Length) Share(nint items)
    {
        nint each = items / GroupCount;
        nint more = items % GroupCount;
        nint start = (GroupIndex * each) + Math.Min(GroupIndex, more);
        return (start, each + (GroupIndex < more ? 1 : 0));
    }

    /// <summary>Copies elements out of shared memory.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="address">The first element's address; any alignment.</param>
    /// <param name="destination">Private memory (an array, stackalloc), not shared memory.</param>
    public void Read<T>(nint address, Span<T> destination)
        where T : unmanaged
    {
        // SAFETY: destination stays pinned during the call, which writes exactly its length; the context lives as long as the group.
        fixed (T* pointer = destination)
        {
            CheckPrivate(pointer, destination.Length);
            Check(_data->Functions->Read(_data, (ulong)address, pointer, (ulong)destination.Length * (ulong)sizeof(T)));
        }
    }

    /// <summary>Copies elements into shared memory.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="address">The first element's address; any alignment.</param>
    /// <param name="source">Private memory (an array, stackalloc), not shared memory.</param>
    public void Write<T>(nint address, ReadOnlySpan<T> source)
        where T : unmanaged
    {
        // SAFETY: as in Read; the call only reads the source.
        fixed (T* pointer = source)
        {
            CheckPrivate(pointer, source.Length);
            Check(_data->Functions->Write(_data, (ulong)address, pointer, (ulong)source.Length * (ulong)sizeof(T)));
        }
    }

    /// <summary>Reads one element.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="address">Its address; any alignment.</param>
    /// <returns>The element.</returns>
    public T Load<T>(nint address)
        where T : unmanaged
    {
        T value;
        // SAFETY: value lives on this stack frame during the call.
        Check(_data->Functions->Read(_data, (ulong)address, &value, (ulong)sizeof(T)));
        return value;
    }

    /// <summary>Writes one element.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="address">Its address; any alignment.</param>
    /// <param name="value">The element.</param>
    public void Store<T>(nint address, T value)
        where T : unmanaged
        // SAFETY: value lives on this stack frame during the call.
        => Check(_data->Functions->Write(_data, (ulong)address, &value, (ulong)sizeof(T)));

    /// <summary>Reads scattered elements: destination[i] is the element indices[i] of the array at the address.</summary>
    /// <typeparam name="T">The element's type: 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="arrayAddress">The address of element 0, aligned to the element.</param>
    /// <param name="indices">Private memory; not checked against any array's length, only against what is mapped.</param>
    /// <param name="destination">Private memory, at least as long as the indices.</param>
    public void Gather<T>(nint arrayAddress, ReadOnlySpan<long> indices, Span<T> destination)
        where T : unmanaged
    {
        CheckElement<T>();
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, indices.Length, nameof(destination));
        // SAFETY: both stay pinned during the call, which touches exactly indices.Length elements of each.
        fixed (long* index = indices)
        fixed (T* pointer = destination)
        {
            CheckPrivate(index, indices.Length);
            CheckPrivate(pointer, destination.Length);
            Check(_data->Functions->Gather(_data, (ulong)arrayAddress, index, (ulong)indices.Length, (uint)sizeof(T), pointer));
        }
    }

    /// <summary>Writes scattered elements: the element indices[i] of the array at the address becomes source[i]. Of equal indices any one wins.</summary>
    /// <typeparam name="T">The element's type: 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="arrayAddress">The address of element 0, aligned to the element.</param>
    /// <param name="indices">Private memory; not checked against any array's length, only against what is mapped.</param>
    /// <param name="source">Private memory, at least as long as the indices.</param>
    public void Scatter<T>(nint arrayAddress, ReadOnlySpan<long> indices, ReadOnlySpan<T> source)
        where T : unmanaged
    {
        CheckElement<T>();
        ArgumentOutOfRangeException.ThrowIfLessThan(source.Length, indices.Length, nameof(source));
        // SAFETY: as in Gather.
        fixed (long* index = indices)
        fixed (T* pointer = source)
        {
            CheckPrivate(index, indices.Length);
            CheckPrivate(pointer, source.Length);
            Check(_data->Functions->Scatter(_data, (ulong)arrayAddress, index, (ulong)indices.Length, (uint)sizeof(T), pointer));
        }
    }

    /// <summary>Adds to an integer of shared memory, atomically with respect to all units, and on real memory to CPU threads as well.</summary>
    /// <param name="address">Its address, 8-byte aligned.</param>
    /// <param name="value">What to add.</param>
    /// <returns>The value before.</returns>
    public long AtomicAdd(nint address, long value)
    {
        long old;
        // SAFETY: old lives on this stack frame during the call.
        Check(_data->Functions->AtomicAdd(_data, (ulong)address, value, sizeof(long), &old));
        return old;
    }

    /// <summary>Adds to an integer of shared memory, as <see cref="AtomicAdd(nint, long)"/>.</summary>
    /// <param name="address">Its address, 4-byte aligned.</param>
    /// <param name="value">What to add.</param>
    /// <returns>The value before.</returns>
    public int AtomicAdd(nint address, int value)
    {
        long old;
        // SAFETY: old lives on this stack frame during the call.
        Check(_data->Functions->AtomicAdd(_data, (ulong)address, value, sizeof(int), &old));
        return (int)old;
    }

    /// <summary>Copies elements of an array, as <see cref="Read{T}(nint, Span{T})"/>.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="start">The first element's index.</param>
    /// <param name="destination">Private memory.</param>
    public void Read<T>(SharedArray<T> array, nint start, Span<T> destination)
        where T : unmanaged
        => Read(array.AddressOf(start, destination.Length), destination);

    /// <summary>Copies elements into an array, as <see cref="Write{T}(nint, ReadOnlySpan{T})"/>.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="start">The first element's index.</param>
    /// <param name="source">Private memory.</param>
    public void Write<T>(SharedArray<T> array, nint start, ReadOnlySpan<T> source)
        where T : unmanaged
        => Write(array.AddressOf(start, source.Length), source);

    /// <summary>Reads one element of an array.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="index">The element's index.</param>
    /// <returns>The element.</returns>
    public T Load<T>(SharedArray<T> array, nint index)
        where T : unmanaged
        => Load<T>(array.AddressOf(index, 1));

    /// <summary>Writes one element of an array.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="index">The element's index.</param>
    /// <param name="value">The element.</param>
    public void Store<T>(SharedArray<T> array, nint index, T value)
        where T : unmanaged
        => Store(array.AddressOf(index, 1), value);

    /// <summary>Reads scattered elements of an array; every index is checked against its length first.</summary>
    /// <typeparam name="T">The element's type: 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="indices">Private memory.</param>
    /// <param name="destination">Private memory, at least as long as the indices.</param>
    public void Gather<T>(SharedArray<T> array, ReadOnlySpan<long> indices, Span<T> destination)
        where T : unmanaged
    {
        array.CheckIndices(indices);
        Gather(array.Address, indices, destination);
    }

    /// <summary>Writes scattered elements of an array; every index is checked against its length first.</summary>
    /// <typeparam name="T">The element's type: 1, 2, 4, 8 or 16 bytes.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="indices">Private memory.</param>
    /// <param name="source">Private memory, at least as long as the indices.</param>
    public void Scatter<T>(SharedArray<T> array, ReadOnlySpan<long> indices, ReadOnlySpan<T> source)
        where T : unmanaged
    {
        array.CheckIndices(indices);
        Scatter(array.Address, indices, source);
    }

    /// <summary>Adds to an element of an array, as <see cref="AtomicAdd(nint, long)"/>.</summary>
    /// <param name="array">The array.</param>
    /// <param name="index">The element's index.</param>
    /// <param name="value">What to add.</param>
    /// <returns>The value before.</returns>
    public long AtomicAdd(SharedArray<long> array, nint index, long value) => AtomicAdd(array.AddressOf(index, 1), value);

    /// <summary>Adds to an element of an array, as <see cref="AtomicAdd(nint, long)"/>.</summary>
    /// <param name="array">The array.</param>
    /// <param name="index">The element's index.</param>
    /// <param name="value">What to add.</param>
    /// <returns>The value before.</returns>
    public int AtomicAdd(SharedArray<int> array, nint index, int value) => AtomicAdd(array.AddressOf(index, 1), value);

    /// <summary>Fails the launch with a sentence; <see cref="Launch.Wait()"/> throws a <see cref="KernelFailedException"/> that carries it.</summary>
    /// <param name="message">One sentence; the first 255 bytes of its UTF-8 are kept.</param>
    public void Fail(string message)
    {
        byte[] text = new byte[Encoding.UTF8.GetMaxByteCount(message.Length) + 1];
        Encoding.UTF8.GetBytes(message, text);
        // SAFETY: text is pinned during the call and ends in a NUL: it is one byte longer than the longest encoding, and zeroed.
        fixed (byte* pointer = text)
            _data->Functions->Fail(_data, pointer);
    }

    /// <summary>Turns a status of the library into the exception that unwinds the body.</summary>
    /// <param name="status">A <see cref="StatusCode"/>.</param>
    private static void Check(int status)
    {
        if (status != 0)
            throw new KernelAbortException((StatusCode)status);
    }

    /// <summary>Refuses element types that the device cannot gather.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    private static void CheckElement<T>()
        where T : unmanaged
    {
        if (sizeof(T) is not (1 or 2 or 4 or 8 or 16))
            throw new ArgumentException($"Gather and Scatter move elements of 1, 2, 4, 8 or 16 bytes; {typeof(T)} has {sizeof(T)}. Use Load and Store.");
    }

    /// <summary>
    /// Refuses a buffer of shared memory: the device would write through the CPU's mapping while it stands in an access, wait for its own page fault,
    /// and so hold up every invalidation.
    /// </summary>
    /// <param name="pointer">The buffer's first byte.</param>
    /// <param name="length">Its elements.</param>
    private static void CheckPrivate<T>(T* pointer, int length)
        where T : unmanaged
    {
        if (SharedRegions.Overlaps((nint)pointer, (nint)length * sizeof(T)))
            throw new ArgumentException("The buffer lies in shared memory; a kernel copies between shared memory and private memory (an array, stackalloc).");
    }
}
