// SPDX-License-Identifier: MIT
using GpuSvm.Core;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// The queue of launches. They run in the order they were started, one at a time; the groups of one are taken by the compute units as they become free.
/// </summary>
/// <remarks>Thread-safe. Locking: one gate, a monitor; nothing is called under it.</remarks>
public sealed class SoftwareGpuQueue
{
    private readonly object _gate = new(); // Guards everything below.
    private readonly Queue<SoftwareGpuLaunch> _waiting = new();
    private readonly SoftwareGpuDevice _device;
    private readonly SoftwareGpuUnit[] _units;
    private SoftwareGpuLaunch? _current;
    private bool _refusing; // No new launches.
    private bool _stopping; // No new launches, and the threads end after those inside.
    private long _launches;

    /// <summary>Makes a queue and starts the units' threads.</summary>
    /// <param name="device">The device.</param>
    /// <param name="units">Its units.</param>
    internal SoftwareGpuQueue(SoftwareGpuDevice device, SoftwareGpuUnit[] units)
    {
        _device = device;
        _units = units;
        foreach (SoftwareGpuUnit unit in units)
            unit.Start(this);
    }

    /// <summary>
    /// Called on a unit's thread after the last group of a launch has ended and before the launch is reported complete or the next one begins; a portable memory brings its pages home here.
    /// No unit is active meanwhile. If it throws, the launch fails with <see cref="SvmStatus.KernelFailed"/> and the exception's message. Set before the first launch.
    /// </summary>
    public Action<SoftwareGpuLaunch>? BeforeCompletion { get; set; }

    /// <summary>Launches started since the device was made.</summary>
    public long Launches => Volatile.Read(ref _launches); // Written under _gate; any recent value will do.

    /// <summary>Puts a launch at the queue's end.</summary>
    /// <param name="table">The address space it runs in; not disposed before the launch is complete.</param>
    /// <param name="kernel">A native function, void (SoftwareGpuKernelContext*, void*); called once for each group, on any unit.</param>
    /// <param name="arguments">Its second argument, valid until the launch is complete.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <param name="launch">The launch; if it is refused, one that is complete with the returned status.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.InvalidArgument"/>, or <see cref="SvmStatus.DeviceGone"/> once the device is unplugged or being disposed.</returns>
    public SvmStatus Start(SoftwareGpuPageTable table, nint kernel, nint arguments, ulong groups, out SoftwareGpuLaunch launch)
    {
        ArgumentNullException.ThrowIfNull(table);
        if (kernel == 0 || groups == 0 || !ReferenceEquals(table.Device, _device))
        {
            launch = new SoftwareGpuLaunch(null, 0, 0, 0, SvmStatus.InvalidArgument);
            return SvmStatus.InvalidArgument;
        }

        lock (_gate)
        {
            if (_refusing)
            {
                launch = new SoftwareGpuLaunch(null, 0, 0, 0, SvmStatus.DeviceGone);
                return SvmStatus.DeviceGone;
            }

            launch = new SoftwareGpuLaunch(table, kernel, arguments, groups);
            _launches++;
            if (_current is null)
                BeginLocked(launch);
            else
                _waiting.Enqueue(launch);
            return SvmStatus.Done;
        }
    }

    /// <summary>Waits for a launch to take part in.</summary>
    /// <param name="launch">The launch; <see cref="Leave"/> it afterwards.</param>
    /// <returns>False once the queue is empty and stopped: the unit's thread ends.</returns>
    internal bool Join(out SoftwareGpuLaunch launch)
    {
        lock (_gate)
        {
            while (true)
            {
                // A launch that was cancelled before any unit came still needs one to complete it.
                if (_current is { IsClosing: false } current && (current.HasGroups || current.Units == 0))
                {
                    current.Units++;
                    launch = current;
                    return true;
                }

                if (_stopping && _current is null)
                {
                    launch = SoftwareGpuLaunch.None;
                    return false;
                }

                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Ends a unit's part in a launch of which no group is left to begin; the last unit completes it.</summary>
    /// <param name="launch">What <see cref="Join"/> gave.</param>
    internal void Leave(SoftwareGpuLaunch launch)
    {
        lock (_gate)
        {
            if (--launch.Units != 0)
                return; // The others end their groups yet.
            launch.IsClosing = true; // Nobody joins any more.
        }

        launch.End();
        CallBeforeCompletion(launch);
        launch.Complete();
        lock (_gate)
        {
            _current = null;
            if (_waiting.TryDequeue(out SoftwareGpuLaunch? next))
                BeginLocked(next);
            else if (_stopping)
                Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Refuses a call by a unit's own thread, which would wait for itself.</summary>
    /// <exception cref="InvalidOperationException">It is one.</exception>
    internal void ThrowIfInside()
    {
        if (IsInside())
            throw new InvalidOperationException("A device cannot be disposed from inside one of its own launches: wait for the launch elsewhere, then dispose.");
    }

    /// <summary>Makes a call that may wait for units, unless the caller is a unit's own thread: a kernel, which would wait for its own windows.</summary>
    /// <param name="call">The call.</param>
    public void WhenOutside(Action call)
    {
        if (!IsInside())
            call();
    }

    /// <summary>Whether the caller is a unit's own thread.</summary>
    /// <returns>True if it is.</returns>
    private bool IsInside()
    {
        foreach (SoftwareGpuUnit unit in _units)
        {
            if (unit.IsCurrentThread)
                return true;
        }

        return false;
    }

    /// <summary>Refuses new launches; those inside go on.</summary>
    internal void Refuse()
    {
        lock (_gate)
            _refusing = true;
    }

    /// <summary>Refuses new launches, waits for those inside, and ends the units' threads. Their faults are served meanwhile, or the fault buffer is closed.</summary>
    internal void Stop()
    {
        lock (_gate)
        {
            _refusing = _stopping = true;
            Monitor.PulseAll(_gate);
        }

        foreach (SoftwareGpuUnit unit in _units)
            unit.Join();
    }

    /// <summary>Makes a launch the current one and wakes as many units as it has groups for.</summary>
    private void BeginLocked(SoftwareGpuLaunch launch)
    {
        _current = launch;
        if (launch.Groups >= (ulong)_units.Length)
            Monitor.PulseAll(_gate);
        else
        {
            for (ulong i = 0; i < launch.Groups; i++)
                Monitor.Pulse(_gate);
        }
    }

    /// <summary>Calls the hook, and turns what it throws into the launch's failure.</summary>
    private void CallBeforeCompletion(SoftwareGpuLaunch launch)
    {
        try
        {
            BeforeCompletion?.Invoke(launch);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            launch.TryFail(SvmStatus.KernelFailed, 0, default, $"Work after the last group failed: {exception.Message}");
        }
    }
}
