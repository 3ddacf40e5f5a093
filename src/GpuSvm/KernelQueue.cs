// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <summary>
/// A queue of one device, made by <see cref="SharedMemory.CreateQueue"/>, or by <see cref="SharedVm.CreateQueue"/> for another address space. Its launches run in the order they were started, one at a time; those of different queues run at the same time, as far as there are
/// units, and are ordered only where one is started after another. On portable memory all launches of a memory run one after the other.
/// </summary>
/// <remarks>Disposing it ends the queue's handle: launches inside go on and can be waited for. It ends with its memory too.</remarks>
public sealed class KernelQueue : IDisposable
{
    private readonly SharedMemory _memory;
    private int _disposed; // Interlocked.

    /// <summary>Wraps a queue.</summary>
    /// <param name="memory">Its memory.</param>
    /// <param name="handle">The library's handle.</param>
    /// <param name="device">The device's number.</param>
    internal KernelQueue(SharedMemory memory, ulong handle, int device)
    {
        _memory = memory;
        Handle = handle;
        Device = device;
    }

    /// <summary>The device's number, from 0.</summary>
    public int Device { get; }

    /// <summary>The library's handle.</summary>
    internal ulong Handle { get; }

    /// <summary>Starts a kernel over a row, a plane or a block of items.</summary>
    /// <typeparam name="TArguments">A struct of arrays and numbers of the program's own.</typeparam>
    /// <param name="kernel">Runs once a group, on this device's compute units.</param>
    /// <param name="arguments">What every group is given; copied.</param>
    /// <param name="space">What it runs over.</param>
    /// <param name="after">Launches of the same memory, of any queue, that have ended before it begins, well or not; null for none.</param>
    /// <param name="uses">What it uses, in a memory without faults; null for nothing.</param>
    /// <returns>The launch.</returns>
    public Launch Launch<TArguments>(Kernel<TArguments> kernel, in TArguments arguments, IndexSpace space, IReadOnlyList<Launch>? after = null, IReadOnlyList<ArrayUse>? uses = null)
        where TArguments : struct
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this); // Pairs with Dispose.
        return _memory.StartTyped(kernel, arguments, space, uses ?? [], this, after ?? []);
    }

    /// <summary>Starts a kernel that counts groups only.</summary>
    /// <param name="body">Runs once a group, on this device's compute units.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <param name="after">As in the other overload.</param>
    /// <param name="uses">As in the other overload.</param>
    /// <returns>The launch.</returns>
    public Launch Launch(KernelBody body, nint groups, IReadOnlyList<Launch>? after = null, IReadOnlyList<ArrayUse>? uses = null)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this); // As above.
        return _memory.StartBody(body, groups, uses ?? [], this, after ?? []);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _ = NativeMethods.gpusvm_queue_destroy(Handle); // If its memory has ended, so has it.
    }
}
