// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// The software GPU's copy engine. Without a thread of its own every caller copies for itself, several at once, and what is queued is done already (fence 0). With one, work above
/// <see cref="SoftwareGpuOptions.InlineCopyBytes"/> is done by the thread in the order it was queued, and so is small work as long as something is queued before it.
/// </summary>
/// <remarks>Thread-safe. All bytes move through <see cref="PreemptiveCopy"/>: the host side may be the program's own memory. Copying cannot fail here, so no fence ends in
/// <see cref="SvmStatus.CopyFailed"/>. Locking: a monitor of its own; nothing is called under it.</remarks>
public sealed unsafe class SoftwareGpuCopyEngine : ICopyEngine, IDisposable
{
    private const int QueueLength = 256;

    private readonly object _gate = new(); // A monitor, for it can wait; guards the queue.
    private readonly SoftwareGpuMemory _memory;
    private readonly Thread? _thread;
    private readonly long _inlineBytes;
    private readonly Work[] _queue = new Work[QueueLength]; // Number n stands at n modulo the length.
    private ulong _issued; // The newest number queued.
    private ulong _completed; // The newest number done.
    private bool _stopping;
    private int _inside; // Copies that callers make at this moment; negative from dispose on.

    /// <summary>Makes an engine.</summary>
    /// <param name="memory">The device's memory.</param>
    /// <param name="ownThread">Whether it has a thread.</param>
    /// <param name="inlineBytes">Largest work that callers do themselves although it has.</param>
    internal SoftwareGpuCopyEngine(SoftwareGpuMemory memory, bool ownThread, long inlineBytes)
    {
        _memory = memory;
        _inlineBytes = inlineBytes;
        if (!ownThread)
            return;
        _thread = new Thread(Run) { IsBackground = true, Name = "gpusvm-copy" };
        _thread.Start();
    }

    /// <summary>One piece of work.</summary>
    /// <param name="Destination">Where to.</param>
    /// <param name="Source">Where from; 0 clears.</param>
    /// <param name="Bytes">How many.</param>
    private readonly record struct Work(nint Destination, nint Source, long Bytes);

    /// <inheritdoc/>
    /// <remarks>Also <see cref="SvmStatus.InvalidArgument"/> for frames outside the memory or host bytes that are nowhere.</remarks>
    public SvmStatus CopyToDevice(DmaPointer source, DeviceFrame destination, int pages, out ulong fence)
    {
        fence = 0;
        return source.IsNull || !_memory.Contains(destination, pages)
            ? SvmStatus.InvalidArgument
            : Queue(new Work((nint)_memory.PointerOf(destination), source.Value, (long)pages << PageSize.Shift), out fence);
    }

    /// <inheritdoc/>
    /// <remarks>As <see cref="CopyToDevice"/>.</remarks>
    public SvmStatus CopyToHost(DeviceFrame source, DmaPointer destination, int pages, out ulong fence)
    {
        fence = 0;
        return destination.IsNull || !_memory.Contains(source, pages)
            ? SvmStatus.InvalidArgument
            : Queue(new Work(destination.Value, (nint)_memory.PointerOf(source), (long)pages << PageSize.Shift), out fence);
    }

    /// <inheritdoc/>
    /// <remarks>As <see cref="CopyToDevice"/>.</remarks>
    public SvmStatus CopyToPeer(DeviceFrame source, DeviceAddress destination, int pages, out ulong fence)
    {
        fence = 0;
        if (!destination.IsPresent || pages > destination.Order.Pages || !_memory.Contains(source, pages) || destination.Protocol == AddressProtocol.System)
            return SvmStatus.InvalidArgument;
        nint target = destination.Protocol == AddressProtocol.Peer ? (nint)destination.Address : (nint)_memory.PointerOf(destination.Frame);
        return Queue(new Work(target, (nint)_memory.PointerOf(source), (long)pages << PageSize.Shift), out fence);
    }

    /// <inheritdoc/>
    /// <remarks>As <see cref="CopyToDevice"/>.</remarks>
    public SvmStatus Clear(DeviceFrame destination, int pages, out ulong fence)
    {
        fence = 0;
        return !_memory.Contains(destination, pages)
            ? SvmStatus.InvalidArgument
            : Queue(new Work((nint)_memory.PointerOf(destination), 0, (long)pages << PageSize.Shift), out fence);
    }

    /// <inheritdoc/>
    /// <remarks>Also <see cref="SvmStatus.InvalidArgument"/> for a value that no call gave.</remarks>
    public SvmStatus Wait(ulong fence)
    {
        if (fence <= Volatile.Read(ref _completed)) // Acquire: the bytes are there. Pairs with the release in Run.
            return SvmStatus.Done;
        lock (_gate)
        {
            if (fence > _issued)
                return SvmStatus.InvalidArgument;
            while (fence > _completed)
                Monitor.Wait(_gate);
            return SvmStatus.Done;
        }
    }

    /// <summary>Ends what is queued, then refuses everything. Fences can still be waited for.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping)
                return;
            _stopping = true;
            Monitor.PulseAll(_gate);
        }

        _thread?.Join();
        SpinWait spin = default;
        while (Interlocked.CompareExchange(ref _inside, int.MinValue / 2, 0) != 0) // Callers that copy still hold pointers into the memory.
            spin.SpinOnce();
    }

    /// <summary>Does one piece of work.</summary>
    private static void Do(in Work work)
    {
        // SAFETY: the device side was checked to lie in the device's memory; the caller keeps the host side until the fence has passed.
        if (work.Source == 0)
            PreemptiveCopy.Clear((void*)work.Destination, (ulong)work.Bytes);
        else
            PreemptiveCopy.Copy((void*)work.Destination, (void*)work.Source, (ulong)work.Bytes);
    }

    /// <summary>Does a piece of work now, or queues it.</summary>
    private SvmStatus Queue(in Work work, out ulong fence)
    {
        fence = 0;
        if (_thread is null || (work.Bytes <= _inlineBytes && Volatile.Read(ref _completed) == Volatile.Read(ref _issued))) // A hint for small work: what others queue meanwhile is not before it.
            return DoHere(work);
        lock (_gate)
        {
            while (!_stopping && _issued - _completed == QueueLength)
                Monitor.Wait(_gate);
            if (_stopping)
                return SvmStatus.DeviceGone;
            fence = _issued + 1;
            _queue[fence % QueueLength] = work;
            Volatile.Write(ref _issued, fence);
            Monitor.PulseAll(_gate); // The engine, and at most a few who wait for a fence.
            return SvmStatus.Done;
        }
    }

    /// <summary>Does a piece of work on the caller's thread, unless the engine is disposed.</summary>
    private SvmStatus DoHere(in Work work)
    {
        bool open = Interlocked.Increment(ref _inside) > 0; // Pairs with the exchange in Dispose.
        if (open)
            Do(work);
        Interlocked.Decrement(ref _inside);
        return open ? SvmStatus.Done : SvmStatus.DeviceGone;
    }

    /// <summary>The engine's thread: does what is queued, in order, and ends once stopped and empty.</summary>
    private void Run()
    {
        while (true)
        {
            Work work;
            lock (_gate)
            {
                while (_completed == _issued)
                {
                    if (_stopping)
                        return;
                    Monitor.Wait(_gate);
                }

                work = _queue[(_completed + 1) % QueueLength];
            }

            Do(work);
            lock (_gate)
            {
                Volatile.Write(ref _completed, _completed + 1); // Release: the bytes first. Pairs with Wait.
                Monitor.PulseAll(_gate);
            }
        }
    }
}
