// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>The threads that prefetch in the background: started with the first operation, ended with the VM. Each moves one piece at a time, so that while one copies, another detaches or binds.</summary>
/// <param name="vm">The VM.</param>
internal sealed class PrefetchWorkers(GpuVm vm)
{
    /// <summary>How many pieces are on their way at once.</summary>
    public const int Threads = 2;

    private readonly object _gate = new(); // Guards the rest; nothing is taken under it but an operation's leaf lock.
    private readonly List<PrefetchOperation> _queue = []; // Oldest first; with pieces that have not begun.
    private readonly List<Thread> _threads = [];
    private bool _isClosed;

    /// <summary>Queues an operation, and starts the threads if they do not run yet.</summary>
    /// <param name="operation">The operation.</param>
    /// <returns>False if the VM is closing.</returns>
    public bool TryStart(PrefetchOperation operation)
    {
        lock (_gate)
        {
            if (_isClosed)
                return false;
            _queue.Add(operation);
            while (_threads.Count < Threads)
            {
                var thread = new Thread(Serve) { IsBackground = true, Name = $"gpusvm-prefetch-{_threads.Count}" };
                thread.Start();
                _threads.Add(thread);
            }

            Monitor.PulseAll(_gate);
            return true;
        }
    }

    /// <summary>Cancels what is queued, and waits for what is being moved.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            foreach (PrefetchOperation operation in _queue)
                operation.Cancel();
            Monitor.PulseAll(_gate);
        }

        foreach (Thread thread in _threads)
            thread.Join();
    }

    /// <summary>One thread: the next piece of the oldest operation, until the VM closes.</summary>
    private void Serve()
    {
        while (TryTake(out PrefetchOperation? operation, out AddressRange piece))
        {
            SvmStatus status = SvmStatus.OutOfHostMemory;
            var result = new PrefetchResult(piece.Bytes, 0, 0, piece.Bytes);
            if (vm.Host.TryRentWorkspace() is { } workspace)
            {
                status = vm.Prefetcher.PrefetchPiece(piece, operation!.Target, operation.Device, workspace, out result);
                vm.Host.ReturnWorkspace(workspace);
            }

            vm.Prefetcher.Tell(piece, operation!.Target, operation.Device, status);
            operation.Finish(status, result);
        }
    }

    /// <summary>Waits for a piece to move.</summary>
    /// <param name="operation">Whose piece it is.</param>
    /// <param name="piece">The piece.</param>
    /// <returns>False if the VM closes.</returns>
    private bool TryTake(out PrefetchOperation? operation, out AddressRange piece)
    {
        lock (_gate)
        {
            while (true)
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
                if (_isClosed)
                    return false;
                Monitor.Wait(_gate);
            }
        }
    }
}
