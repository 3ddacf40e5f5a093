// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <summary>
/// A GPU address space beside a memory's first, made by <see cref="SharedMemory.CreateVm"/>: page tables of its own for all devices and wishes of its own, over the same arrays and the same device memories.
/// For programs that do the work of several, each with its own advice and its own faults: a server's clients, the parts of a pipeline.
/// </summary>
/// <remarks>
/// An address means the same in all of them, and what is freed or moved is so for all. Where pages are (<see cref="SharedMemory.Query(nint, nint, int)"/>) is the same in all; arrays used in place, device reads and writes,
/// prefetches, evictions and the statistics are the first's.
/// <para>Disposing it waits for its launches and ends it with its queues; it ends with its memory too. One that nobody disposes stays until then, counted (the instrument <c>gpusvm.leaks</c>) and logged: its
/// queues may still be in use.</para>
/// </remarks>
public sealed class SharedVm : IDisposable, IAsyncDisposable
{
    private readonly SharedMemory _memory;
    private readonly ulong _handle;
    private readonly KernelQueue _queue; // For launches that name none.
    private int _disposed; // Interlocked.

    /// <summary>Wraps an address space; ends it if it cannot have a queue.</summary>
    /// <param name="memory">Its memory.</param>
    /// <param name="handle">The library's handle.</param>
    internal SharedVm(SharedMemory memory, ulong handle)
    {
        (_memory, _handle) = (memory, handle);
        try
        {
            _queue = CreateQueue(0);
        }
        catch
        {
            _disposed = 1; // For the finalizer.
            _ = NativeMethods.gpusvm_vm_destroy(handle); // Nothing runs in it; if its memory has ended, so has it.
            throw;
        }
    }

    /// <summary>Reports an address space that nobody disposed, unless it has ended with its memory.</summary>
    ~SharedVm()
    {
        if (_disposed == 0)
            _memory?.ReportVmLeak();
    }

    /// <summary>The memory that it shows to the devices.</summary>
    public SharedMemory Memory => _memory;

    /// <summary>Makes a queue of a device, whose launches run in this address space.</summary>
    /// <param name="device">The device's number, 0 to <see cref="SharedMemory.DeviceCount"/> - 1.</param>
    /// <returns>The queue; dispose it. It ends with the address space.</returns>
    /// <exception cref="ArgumentException">There is no such device.</exception>
    public KernelQueue CreateQueue(int device = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(device);
        NativeErrors.Check(NativeMethods.gpusvm_vm_queue_create(Handle, (uint)device, out ulong queue));
        return new KernelQueue(_memory, queue, device);
    }

    /// <summary>Starts a kernel on device 0; launches that name no queue run in the order they were started.</summary>
    /// <typeparam name="TArguments">A struct of arrays and numbers of the program's own.</typeparam>
    /// <param name="kernel">Runs once a group, on the compute units' threads.</param>
    /// <param name="arguments">What every group is given; copied.</param>
    /// <param name="space">What it runs over.</param>
    /// <param name="after">Launches of the same memory, in any address space, that have ended before it begins, well or not; null for none.</param>
    /// <param name="uses">What it uses, in a memory without faults; null for nothing.</param>
    /// <returns>The launch; wait for it before using on the CPU what it writes (portable memory demands it).</returns>
    public Launch Launch<TArguments>(Kernel<TArguments> kernel, in TArguments arguments, IndexSpace space, IReadOnlyList<Launch>? after = null, IReadOnlyList<ArrayUse>? uses = null)
        where TArguments : struct
    {
        ThrowIfDisposed();
        return _queue.Launch(kernel, arguments, space, after, uses);
    }

    /// <summary>Starts a kernel that counts groups only; otherwise as the other overload.</summary>
    /// <param name="body">Runs once a group, on the compute units' threads.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <param name="after">As in the other overload.</param>
    /// <param name="uses">As in the other overload.</param>
    /// <returns>The launch.</returns>
    public Launch Launch(KernelBody body, nint groups, IReadOnlyList<Launch>? after = null, IReadOnlyList<ArrayUse>? uses = null)
    {
        ThrowIfDisposed();
        return _queue.Launch(body, groups, after, uses);
    }

    /// <summary>Says what is wished of an array where this address space uses it; otherwise as <see cref="SharedMemory.Advise{T}(SharedArray{T}, in MemoryAdvice)"/>.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <param name="array">The array.</param>
    /// <param name="advice">The wishes; what is null stays as it is.</param>
    /// <exception cref="ArgumentException">A wish makes no sense; the message says which, and none has changed.</exception>
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
        NativeErrors.Check(NativeMethods.gpusvm_vm_advise(Handle, array.AddressOf(start, length), (ulong)(length * sizeof(T)), NativeAdvice.From(advice)));
    }

    /// <summary>Waits for the launches of this address space and ends it with its queues.</summary>
    public void Dispose()
    {
        if (TryBeginDisposing())
            End();
        GC.SuppressFinalize(this);
    }

    /// <summary>Does what <see cref="Dispose"/> does; the waiting holds neither the caller nor a thread of the pool.</summary>
    /// <returns>Ends when the address space has ended; at once if it was disposed before.</returns>
    public ValueTask DisposeAsync()
    {
        bool isFirst = TryBeginDisposing();
        GC.SuppressFinalize(this);
        if (!isFirst)
            return ValueTask.CompletedTask;
        return new ValueTask(WaitingThreads.Run(() =>
        {
            End();
            return true;
        }));
    }

    /// <summary>The library's handle.</summary>
    private ulong Handle
    {
        get
        {
            ThrowIfDisposed();
            return _handle;
        }
    }

    /// <summary>Makes all later calls fail.</summary>
    /// <returns>False if that was done before.</returns>
    private bool TryBeginDisposing()
    {
        if (ManagedKernel.IsInside)
            throw new InvalidOperationException("A kernel cannot dispose an address space: its own launch may be one of those that must end first.");
        return Interlocked.Exchange(ref _disposed, 1) == 0;
    }

    /// <summary>Ends the library's address space.</summary>
    private void End()
    {
        _queue.Dispose();
        int status = NativeMethods.gpusvm_vm_destroy(_handle);
        if (status is not ((int)StatusCode.Done or (int)StatusCode.InvalidHandle)) // If its memory has ended, so has it.
            throw NativeErrors.ExceptionFor(status);
    }

    /// <summary>Fails a use after <see cref="Dispose"/>.</summary>
    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this); // Pairs with TryBeginDisposing.
}
