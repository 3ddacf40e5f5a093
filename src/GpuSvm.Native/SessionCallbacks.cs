// SPDX-License-Identifier: MIT
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>
/// Calls the program back when launches have ended: on one thread of the session's own, one after the other. Not on the units' threads, for a callback may wait for other launches, and those need units.
/// </summary>
/// <remarks>Locking: <see cref="_gate"/>, a monitor, guards the fields; callbacks run outside of it, in native code, where they may touch shared memory as any thread of the program.</remarks>
internal sealed unsafe class SessionCallbacks
{
    private readonly object _gate = new();
    private readonly Queue<(SoftwareGpuLaunch Launch, ulong Handle, nint Callback, nint Arguments)> _due = [];
    private Thread? _thread;
    private int _outstanding; // Registered and not called to the end.
    private bool _closing;

    /// <summary>Whether the caller is inside a callback.</summary>
    public bool IsCurrentThread
    {
        get
        {
            lock (_gate)
                return ReferenceEquals(_thread, Thread.CurrentThread);
        }
    }

    /// <summary>Starts the thread, if it does not run yet; before a launch is started that needs it, so that nothing can fail afterwards.</summary>
    public void Prepare()
    {
        lock (_gate)
        {
            if (_thread is not null)
                return;
            var thread = new Thread(Run) { IsBackground = true, Name = "gpusvm-callback" };
            thread.Start();
            _thread = thread;
        }
    }

    /// <summary>Has a function called once a launch has ended.</summary>
    /// <param name="launch">The launch.</param>
    /// <param name="handle">Its handle, for the function.</param>
    /// <param name="callback">A gpusvm_callback.</param>
    /// <param name="arguments">Its last argument.</param>
    public void Register(SoftwareGpuLaunch launch, ulong handle, nint callback, nint arguments)
    {
        lock (_gate)
            _outstanding++;
        if (!launch.TryWhenComplete(() => Post(launch, handle, callback, arguments)))
            Post(launch, handle, callback, arguments);
    }

    /// <summary>Waits until all functions were called, and ends the thread. Nothing is registered any more; the caller is no callback.</summary>
    public void Close()
    {
        Thread? thread;
        lock (_gate)
        {
            _closing = true;
            Monitor.PulseAll(_gate);
            thread = _thread;
        }

        thread?.Join();
    }

    /// <summary>Queues a call.</summary>
    /// <param name="launch">The launch, complete.</param>
    /// <param name="handle">Its handle.</param>
    /// <param name="callback">The function.</param>
    /// <param name="arguments">Its last argument.</param>
    private void Post(SoftwareGpuLaunch launch, ulong handle, nint callback, nint arguments)
    {
        lock (_gate)
        {
            _due.Enqueue((launch, handle, callback, arguments));
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The thread.</summary>
    private void Run()
    {
        while (true)
        {
            (SoftwareGpuLaunch Launch, ulong Handle, nint Callback, nint Arguments) call;
            lock (_gate)
            {
                while (!_due.TryDequeue(out call))
                {
                    if (_closing && _outstanding == 0)
                        return;
                    Monitor.Wait(_gate);
                }
            }

            // SAFETY: the caller vouches for the function until it was called, which gpusvm_close waits for.
            ((delegate* unmanaged<ulong, int, void*, void>)call.Callback)(call.Handle, (int)call.Launch.Status, (void*)call.Arguments);
            lock (_gate)
                _outstanding--;
        }
    }
}
