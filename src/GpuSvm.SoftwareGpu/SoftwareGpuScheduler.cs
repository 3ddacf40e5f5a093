// SPDX-License-Identifier: MIT
using GpuSvm.Core;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// Gives the compute units of a device to the launches that stand first in its queues. A unit takes part in one launch at a time and takes its groups as it becomes free; where a launch of another
/// queue has no unit at all, units change over to it between two groups, so that no queue keeps another from going on.
/// </summary>
/// <remarks>Thread-safe. Locking: one gate, a monitor, for all queues of the device; under it only the gates of launches are taken.</remarks>
internal sealed class SoftwareGpuScheduler
{
    private readonly object _gate = new(); // Guards everything below, and the queues' fields.
    private readonly List<SoftwareGpuQueue> _queues = [];
    private readonly SoftwareGpuUnit[] _units;
    private int _turn; // The queue that is looked at first.
    private int _unserved; // Launches that have begun and have no unit; read without the gate.
    private bool _refusing; // No new launches.
    private bool _stopping; // No new launches, and the threads end after those inside.
    private long _launches;

    /// <summary>Starts the units' threads.</summary>
    /// <param name="units">The device's units.</param>
    internal SoftwareGpuScheduler(SoftwareGpuUnit[] units)
    {
        _units = units;
        foreach (SoftwareGpuUnit unit in units)
            unit.Start(this);
    }

    /// <summary>Launches started since the device was made.</summary>
    internal long Launches => Volatile.Read(ref _launches); // Written under _gate; any recent value will do.

    /// <summary>Whether a launch waits for its first unit: whoever is between two groups changes over.</summary>
    internal bool HasUnserved => Volatile.Read(ref _unserved) != 0; // A hint; the gate decides.

    /// <summary>Makes a queue known.</summary>
    /// <param name="queue">The queue.</param>
    internal void Add(SoftwareGpuQueue queue)
    {
        lock (_gate)
            _queues.Add(queue);
    }

    /// <summary>Puts a launch at a queue's end.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="launch">The launch.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or <see cref="SvmStatus.DeviceGone"/> once the device or the queue takes none.</returns>
    internal SvmStatus Enqueue(SoftwareGpuQueue queue, SoftwareGpuLaunch launch)
    {
        lock (_gate)
        {
            if (_refusing || queue.IsClosed)
                return SvmStatus.DeviceGone;
            _launches++;
            queue.Launches++;
            queue.Waiting.Enqueue(launch);
            BeginFirstLocked(queue);
            return SvmStatus.Done;
        }
    }

    /// <summary>Begins a queue's first launch if nothing holds it up any more.</summary>
    /// <param name="queue">The queue.</param>
    internal void Poke(SoftwareGpuQueue queue)
    {
        lock (_gate)
            BeginFirstLocked(queue);
    }

    /// <summary>Lets a queue take no launches any more; it is forgotten when those inside have ended.</summary>
    /// <param name="queue">The queue.</param>
    internal void Close(SoftwareGpuQueue queue)
    {
        lock (_gate)
        {
            queue.IsClosed = true;
            ForgetIfOverLocked(queue);
        }
    }

    /// <summary>Waits for a launch to take part in.</summary>
    /// <param name="launch">The launch; <see cref="Leave"/> it afterwards.</param>
    /// <returns>False once all queues are empty and the device stops: the unit's thread ends.</returns>
    internal bool Join(out SoftwareGpuLaunch launch)
    {
        lock (_gate)
        {
            while (true)
            {
                if (PickLocked() is { } picked)
                {
                    if (picked.Units++ == 0)
                        _unserved--;
                    launch = picked;
                    return true;
                }

                if (_stopping && _queues.TrueForAll(static queue => queue.IsEmpty))
                {
                    launch = SoftwareGpuLaunch.None;
                    return false;
                }

                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Ends a unit's part in a launch. The last unit completes it, if no group is left to begin.</summary>
    /// <param name="launch">What <see cref="Join"/> gave.</param>
    internal void Leave(SoftwareGpuLaunch launch)
    {
        lock (_gate)
        {
            if (--launch.Units != 0)
                return; // The others end their groups yet.
            if (launch.HasGroups)
            {
                _unserved++; // Its units have changed over to another queue.
                Monitor.Pulse(_gate);
                return;
            }

            launch.IsClosing = true; // Nobody joins any more.
        }

        SoftwareGpuQueue queue = launch.Queue!;
        launch.End();
        queue.CallBeforeCompletion(launch);
        launch.Complete();
        lock (_gate)
        {
            queue.Current = null;
            BeginFirstLocked(queue);
            ForgetIfOverLocked(queue);
            if (_stopping)
                Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Refuses a call by a unit's own thread, which would wait for itself.</summary>
    /// <exception cref="InvalidOperationException">It is one.</exception>
    internal void ThrowIfInside()
    {
        if (IsInside)
            throw new InvalidOperationException("A device cannot be disposed from inside one of its own launches: wait for the launch elsewhere, then dispose.");
    }

    /// <summary>Whether the caller is a unit's own thread.</summary>
    internal bool IsInside => Array.Exists(_units, static unit => unit.IsCurrentThread);

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

    /// <summary>The launch that a free unit should take part in: one that has no unit, the queues in turns; else the one with the fewest.</summary>
    /// <returns>The launch; null if none has work.</returns>
    private SoftwareGpuLaunch? PickLocked()
    {
        SoftwareGpuLaunch? best = null;
        for (int i = 0; i < _queues.Count; i++)
        {
            int index = (_turn + i) % _queues.Count;
            if (_queues[index].Current is not { IsClosing: false } launch)
                continue;
            if (launch.Units == 0) // Also one that was cancelled before any unit came: it still needs one to complete it.
            {
                _turn = index + 1;
                return launch;
            }

            if (launch.HasGroups && (best is null || launch.Units < best.Units))
                best = launch;
        }

        return best;
    }

    /// <summary>Makes a queue's first launch its current one, if it has none and the launch waits for no other, and wakes as many units as it has groups for.</summary>
    /// <param name="queue">The queue.</param>
    private void BeginFirstLocked(SoftwareGpuQueue queue)
    {
        if (queue.Current is not null || !queue.Waiting.TryPeek(out SoftwareGpuLaunch? launch) || !launch.IsReady(queue))
            return;
        queue.Waiting.Dequeue();
        queue.Current = launch;
        _unserved++;
        if (launch.Groups >= (ulong)_units.Length)
            Monitor.PulseAll(_gate);
        else
        {
            for (ulong i = 0; i < launch.Groups; i++)
                Monitor.Pulse(_gate);
        }
    }

    /// <summary>Forgets a closed queue that is empty.</summary>
    /// <param name="queue">The queue.</param>
    private void ForgetIfOverLocked(SoftwareGpuQueue queue)
    {
        if (queue is { IsClosed: true, IsEmpty: true })
            _queues.Remove(queue);
    }
}
