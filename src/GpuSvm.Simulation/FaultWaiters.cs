// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation;

/// <summary>
/// The program threads that have faulted and not yet tried again. A thread enters before it tells the client, so that a wake-up between the client's answer
/// and its wait is not lost. Kernel: the wait queue of a userfaultfd.
/// </summary>
/// <remarks>Locking: none; guarded by the memory's lock, except <see cref="FaultWaiter.Wait"/>.</remarks>
internal sealed class FaultWaiters : IDisposable
{
    private readonly List<FaultWaiter> _faulted = [];
    private readonly Stack<FaultWaiter> _idle = [];

    /// <summary>Threads that have faulted and not yet tried again.</summary>
    public int Count => _faulted.Count;

    /// <summary>Enters the calling thread.</summary>
    /// <param name="pageNumber">The page it faulted on.</param>
    /// <returns>Its place, to be left again.</returns>
    public FaultWaiter Enter(ulong pageNumber)
    {
        FaultWaiter waiter = _idle.Count > 0 ? _idle.Pop() : new FaultWaiter();
        waiter.Reset(pageNumber);
        _faulted.Add(waiter);
        return waiter;
    }

    /// <summary>The thread is about to try again, or gives up.</summary>
    /// <param name="waiter">Its place.</param>
    public void Leave(FaultWaiter waiter)
    {
        _faulted.Remove(waiter);
        _idle.Push(waiter);
    }

    /// <summary>Wakes every thread that faulted on a page of an interval.</summary>
    /// <param name="interval">The interval.</param>
    public void Wake(AddressRange interval)
    {
        foreach (FaultWaiter waiter in _faulted)
        {
            if (interval.Contains(VirtualAddress.OfPage(waiter.PageNumber)))
                waiter.Wake();
        }
    }

    /// <summary>Wakes every thread: the machine ends.</summary>
    public void WakeAll()
    {
        foreach (FaultWaiter waiter in _faulted)
            waiter.Wake();
    }

    /// <summary>Gives the idle places' events back.</summary>
    public void Dispose()
    {
        foreach (FaultWaiter waiter in _idle)
            waiter.Dispose();
    }
}
