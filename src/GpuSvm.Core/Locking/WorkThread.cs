// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>
/// A thread of the library's own that sleeps until somebody wakes it, does what there is to do, and sleeps again. Ended by <see cref="Close"/>.
/// Kernel: a work item with a queue of its own.
/// </summary>
/// <remarks>
/// <para>Wakes are not counted: all that come before the work begins are answered by one look, and one that comes while it is done has it done once more.</para>
/// <para><b>Under an explorer</b> (<see cref="DoByHand"/>) there is no thread that sleeps: a wake by a scheduled thread begins one that works until no wake is left, and ends. A wake by anybody else waits for
/// the next.</para>
/// </remarks>
/// <param name="name">The thread's name.</param>
/// <param name="work">Does what there is to do. Must not throw.</param>
internal sealed class WorkThread(string name, Action work)
{
    private static bool _isByHand; // Volatile; written while no such thread is used.

    private readonly object _gate = new(); // Guards _thread; pulsed by wakes and by the end. A leaf: nothing is taken under it.
    private Thread? _thread;
    private int _isAwake; // 1 from a wake to the moment at which the work begins. Interlocked.
    private volatile bool _isClosed;
    private bool _isWorking; // By hand only, where one thread runs at a time.

    /// <summary>Whether it was told to end: the work may be cut short.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Has an explorer, or nobody, begin such threads from now on, in the whole process.</summary>
    /// <param name="isByHand">True for an explorer.</param>
    public static void DoByHand(bool isByHand) => Volatile.Write(ref _isByHand, isByHand); // Pairs with IsByHand.

    /// <summary>Whether an explorer begins such threads.</summary>
    private static bool IsByHand => CoreSwitches.Checks && Volatile.Read(ref _isByHand); // Pairs with DoByHand.

    /// <summary>Starts the thread if it does not run yet.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for it.</exception>
    /// <remarks>Locking: allocates: only where that is allowed.</remarks>
    public void Start()
    {
        if (IsByHand)
            return;
        lock (_gate)
        {
            if (_thread is not null)
                return;
            var thread = new Thread(Serve) { IsBackground = true, Name = name };
            thread.Start();
            _thread = thread;
        }
    }

    /// <summary>Says that there may be work. A thread that has not been started does it when it is.</summary>
    /// <remarks>Locking: a leaf; waits for nothing, allocates nothing.</remarks>
    public void Wake()
    {
        bool isFirst = Interlocked.Exchange(ref _isAwake, 1) == 0; // Pairs with Serve and ServeByHand.
        if (IsByHand)
            _isWorking = _isWorking || SchedulePoint.TryStart(name, ServeByHand);
        else if (isFirst)
            Pulse();
    }

    /// <summary>Ends the thread, and waits for it.</summary>
    /// <remarks>Locking: nothing may be held that the work takes.</remarks>
    public void Close()
    {
        _isClosed = true;
        Pulse()?.Join();
        while (_isWorking && SchedulePoint.TryWait(this))
            ; // Its end signals.
    }

    /// <summary>Has the thread look.</summary>
    /// <returns>The thread; null if it was never started.</returns>
    private Thread? Pulse()
    {
        lock (_gate)
        {
            Monitor.Pulse(_gate);
            return _thread;
        }
    }

    /// <summary>The thread.</summary>
    private void Serve()
    {
        while (true)
        {
            lock (_gate)
            {
                while (Volatile.Read(ref _isAwake) == 0 && !_isClosed)
                    Monitor.Wait(_gate);
            }

            if (_isClosed)
                return;
            Interlocked.Exchange(ref _isAwake, 0); // Pairs with Wake: what is to be done was to be done before the wake.
            work();
        }
    }

    /// <summary>A thread of the explorer's: works until no wake is left.</summary>
    private void ServeByHand()
    {
        try
        {
            while (!_isClosed && Interlocked.Exchange(ref _isAwake, 0) != 0) // Pairs with Wake.
                work();
        }
        finally
        {
            _isWorking = false;
            SchedulePoint.Signal(this);
        }
    }
}
