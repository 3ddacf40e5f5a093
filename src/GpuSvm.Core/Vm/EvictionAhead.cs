// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.Core.Vm;

/// <summary>
/// Keeps some device memory free, so that a fault that needs room need not evict first: a thread that evicts whenever less than half of what is to be kept free is left, until all of it is.
/// Kernel: kswapd, for RAM.
/// </summary>
/// <remarks>It evicts what the eviction policy chooses, as a fault would. A working set that just fits loses by it: keep nothing free then.</remarks>
internal sealed class EvictionAhead : IDisposable
{
    private readonly Pagemap _pagemap;
    private readonly int _pages;
    private readonly WorkThread _thread;
    private long _evictions; // Written by the thread alone.

    /// <summary>Starts the thread.</summary>
    /// <param name="pagemap">The device's memory.</param>
    /// <param name="bytes">How much to keep free.</param>
    /// <exception cref="OutOfMemoryException">There is no memory for the thread.</exception>
    public EvictionAhead(Pagemap pagemap, long bytes)
    {
        _pagemap = pagemap;
        _pages = (int)(bytes >> Addressing.PageSize.Shift);
        _thread = new WorkThread("gpusvm-evict-ahead", Run);
        _thread.Start();
    }

    /// <summary>Evictions so far.</summary>
    public long Evictions => Interlocked.Read(ref _evictions);

    /// <summary>Looks whether it is time. Called after each migration to the device; waits for nothing.</summary>
    public void Notice()
    {
        if (_pagemap.Device.Memory.FreePages < _pages / 2)
            _thread.Wake();
    }

    /// <summary>Ends the thread.</summary>
    public void Dispose() => _thread.Close();

    /// <summary>The thread's work: evicts until enough is free, or nothing can be evicted.</summary>
    private void Run()
    {
        while (!_thread.IsClosed && _pagemap.Device.Memory.FreePages < _pages && _pagemap.EvictOne() == SvmStatus.Done)
            Interlocked.Increment(ref _evictions);
    }
}
