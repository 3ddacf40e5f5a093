// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// The thread that reads events when nobody else can. While an event waits to be read, the kernel refuses to install pages; a service thread that
/// is serving a
/// fault at that moment waits for the event, and would be the one to read it. This thread sleeps until such a waiter calls.
/// </summary>
/// <remarks>It serves no faults, or it would come to wait itself. The faults that come along with an event go back: their threads are woken, touch
/// again, and
/// the new message is for a service thread.</remarks>
internal sealed unsafe class EventRescue : IDisposable
{
    private const int Capacity = 64;
    private const int MaxRounds = 1024;

    private static readonly AddressRange _everything = new(new VirtualAddress(1 << 16), new VirtualAddress((1UL << 47) - PageSize.Bytes)); // Where a page can be.

    private readonly MessageReader _reader;
    private readonly Userfaultfd _userfault;
    private readonly int _bell;
    private readonly Thread _thread;
    private volatile bool _stop; // Set by Dispose before the bell rings, read by the thread after it.
    private long _waits;
    private long _rescues;

    /// <summary>Makes the thread without starting it.</summary>
    /// <param name="reader">Reads messages and applies events.</param>
    /// <param name="userfault">The heap's descriptor; not owned.</param>
    internal EventRescue(MessageReader reader, Userfaultfd userfault)
    {
        _reader = reader;
        _userfault = userfault;
        _bell = Libc.eventfd(0, LinuxConstants.O_CLOEXEC);
        if (_bell < 0)
            throw new HostMemoryUnavailableException($"no descriptor is left ({Marshal.GetLastPInvokeErrorMessage()}): ulimit -n 4096.");
        _thread = new Thread(Run) { IsBackground = true, Name = "gpusvm events" };
    }

    /// <summary>How often an operation had to wait for an event to be read.</summary>
    internal long Waits => Interlocked.Read(ref _waits); // Pairs with CountWait.

    /// <summary>How often this thread was called.</summary>
    internal long Rescues => Interlocked.Read(ref _rescues); // Pairs with Run.

    /// <summary>Starts the thread.</summary>
    internal void Start() => _thread.Start();

    /// <summary>Counts an operation that has to wait.</summary>
    internal void CountWait() => Interlocked.Increment(ref _waits);

    /// <summary>Asks for the pending events to be read. Never waits.</summary>
    internal void Call()
    {
        ulong one = 1;
        _ = Libc.write(_bell, &one, sizeof(ulong)); // SAFETY: eight bytes of this frame.
    }

    /// <summary>Ends the thread.</summary>
    public void Dispose()
    {
        _stop = true;
        Call();
        if ((_thread.ThreadState & ThreadState.Unstarted) == 0)
            _thread.Join();
        _ = Libc.close(_bell);
    }

    /// <summary>Sleeps until called, then reads until nothing is left.</summary>
    private void Run()
    {
        // SAFETY: the buffer lives on this thread's stack for the thread's whole life; the reader writes at most Capacity messages.
        UffdMsg* messages = stackalloc UffdMsg[Capacity];
        while (true)
        {
            ulong calls;
            nint read = Libc.read(_bell, &calls, sizeof(ulong)); // SAFETY: eight bytes of this frame.
            if (_stop)
                return;
            if (read < 0 && Marshal.GetLastPInvokeError() != Errno.EINTR)
                return;
            Interlocked.Increment(ref _rescues);

            // The kernel hands out faults before events, so all must be read. Woken threads fault again only after the last round: their number
            // bounds the loop.
            bool sawFaults = false;
            for (int round = 0; round < MaxRounds && _reader.Read(messages, Capacity, out int faults) > 0; round++)
                sawFaults |= faults > 0;
            if (sawFaults)
                _ = _userfault.Wake(_everything.Start.Value, _everything.Bytes);
        }
    }
}
