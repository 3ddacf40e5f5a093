// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Vm;

/// <summary>The threads that prefetch in the background: started with the first operation, ended with the VM. Each moves one piece at a time, so that while one copies, another detaches or binds.</summary>
internal sealed class PrefetchWorkers
{
    /// <summary>How many pieces are on their way at once.</summary>
    public const int Threads = 2;

    private readonly GpuVm _vm;
    private readonly WorkThread[] _threads = new WorkThread[Threads];
    private readonly object _gate = new(); // Guards the rest; nothing is taken under it but an operation's leaf lock.
    private readonly List<PrefetchOperation> _queue = []; // Oldest first; with pieces that have not begun.
    private bool _isClosed;

    /// <summary>Prepares the threads.</summary>
    /// <param name="vm">The VM.</param>
    public PrefetchWorkers(GpuVm vm)
    {
        _vm = vm;
        for (int i = 0; i < Threads; i++)
            _threads[i] = new WorkThread($"gpusvm-prefetch-{i}", Serve);
    }

    /// <summary>Queues an operation, and starts the threads if they do not run yet.</summary>
    /// <param name="operation">The operation.</param>
    /// <returns>False if the VM is closing.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory for it; it is not queued.</exception>
    public bool TryStart(PrefetchOperation operation)
    {
        foreach (WorkThread thread in _threads)
            thread.Start();
        lock (_gate)
        {
            if (_isClosed)
                return false;
            _queue.Add(operation);
        }

        foreach (WorkThread thread in _threads)
            thread.Wake();
        return true;
    }

    /// <summary>Cancels what is queued, and waits for what is being moved.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            foreach (PrefetchOperation operation in _queue)
                operation.Cancel();
        }

        foreach (WorkThread thread in _threads)
            thread.Close();
    }

    /// <summary>A thread's work: the next piece of the oldest operation, until none is left.</summary>
    private void Serve()
    {
        while (TryTake(out PrefetchOperation? operation, out AddressRange piece))
        {
            SvmStatus status = SvmStatus.OutOfHostMemory;
            var result = new PrefetchResult(piece.Bytes, 0, 0, piece.Bytes);
            if (_vm.Host.TryRentWorkspace() is { } workspace)
            {
                status = _vm.Prefetcher.PrefetchPiece(piece, operation!.Target, operation.Device, workspace, out result);
                _vm.Host.ReturnWorkspace(workspace);
            }

            _vm.Prefetcher.Tell(piece, operation!.Target, operation.Device, status);
            operation.Finish(status, result);
        }
    }

    /// <summary>Takes a piece to move.</summary>
    /// <param name="operation">Whose piece it is.</param>
    /// <param name="piece">The piece.</param>
    /// <returns>False if there is none.</returns>
    private bool TryTake(out PrefetchOperation? operation, out AddressRange piece)
    {
        lock (_gate)
        {
            while (_queue.Count > 0)
            {
                operation = _queue[0];
                if (operation.TryTake(out piece))
                    return true;
                _queue.RemoveAt(0);
            }

            operation = null;
            piece = default;
            return false;
        }
    }
}
