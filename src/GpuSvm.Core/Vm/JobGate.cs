// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Vm;

/// <summary>
/// The running jobs of a VM without faults, and the changes under way: decides when queues are stopped and when they may be resumed. Kernel: svm_range_evict with its
/// count of evicted ranges, and the preempt fences of Xe's rebind mode.
/// </summary>
/// <remarks>
/// Without faults a unit may never meet a missing translation of a running job. So whoever takes something bound away does it between <see cref="BeginStop"/> and
/// <see cref="EndStop"/>: the first stops the queues of every running job that the change may concern, before anything is zapped; the second counts the change
/// as a disturbance of every job it may concern, and wakes the restorer. Every change is listed in between, whether it concerns a job or not, so that a job that begins meanwhile sees it.
/// <code>
///   may run(job)  =  no listed change overlaps it, and it was bound since its last disturbance
///   may resume(device)  =  every running job of the device may run
/// </code>
/// Both are asked under the lock under which changes are listed. A binding that a change overtakes is not believed: its count of disturbances has risen, or the change is
/// still listed and will raise it. A failed job is asked no more; its launches are failed before the queues go on.
///
/// Locking: <see cref="Lock"/> has rank Jobs, inside Vm, Range and Host, for events come under all of them, and outside Notifier, under which nothing may wait. Under it queues are told to stop
/// and to resume, which does not wait; waiting for units happens with nothing of rank Jobs or deeper held.
/// </remarks>
internal sealed class JobGate : IMmuStopper, IDisposable
{
    private const int UsualStops = 64;

    private readonly IReadOnlyList<VmDevice> _devices;
    private readonly HostAddressSpace _host;
    private readonly VmCounters _counters;
    private readonly List<GpuJob> _jobs = []; // Begun and not ended. Guarded by Lock.
    private readonly List<JobStop> _stops = new(UsualStops); // Under way. Guarded by Lock.
    private readonly long[] _stoppedAt; // By device: Stopwatch ticks. Guarded by Lock.
    private ulong _stopped; // Devices whose queues are stopped. Guarded by Lock.
    private long _lastStop; // Guarded by Lock.
    private bool _isClosed; // Guarded by Lock.

    /// <summary>Makes a gate without jobs.</summary>
    /// <param name="devices">The VM's devices, all with queues.</param>
    /// <param name="host">The host address space.</param>
    /// <param name="counters">Counts.</param>
    public JobGate(IReadOnlyList<VmDevice> devices, HostAddressSpace host, VmCounters counters)
    {
        _devices = devices;
        _host = host;
        _counters = counters;
        _stoppedAt = new long[devices.Count];
        host.AddStopper(this);
    }

    /// <summary>Called when there may be something to bring back or to resume, under any lock up to rank Host; waits for nothing. Set before the first job.</summary>
    public Action WhenDisturbed { get; set; } = static () => { };

    /// <summary>Guards the jobs.</summary>
    public RankedLock Lock { get; } = new(LockRank.Jobs, "JobGate");

    /// <summary>The jobs that were begun and are not ended. Guarded by <see cref="Lock"/>.</summary>
    public IReadOnlyList<GpuJob> JobsLocked
    {
        get
        {
            Lock.AssertHeld();
            return _jobs;
        }
    }

    /// <summary>Whether a device's queues are stopped.</summary>
    /// <param name="device">The device's number in the VM.</param>
    /// <returns>True if so.</returns>
    public bool IsStoppedLocked(int device)
    {
        Lock.AssertHeld();
        return (_stopped >> device & 1) != 0;
    }

    /// <inheritdoc/>
    public long BeginStop(in MmuEvent mmuEvent) => Begin(mmuEvent.Interval, mmuEvent.Cause);

    /// <inheritdoc/>
    public void WaitStopped(long stop)
    {
        ulong devices = 0;
        using (Lock.Enter())
            devices = _stops.Find(candidate => candidate.Number == stop).Devices;
        if (devices == 0)
            return;
        SchedulePoint.Reach(SchedulePointKind.QueuesStopping, this);
        for (; devices != 0; devices &= devices - 1)
            _devices[BitOperations.TrailingZeroCount(devices)].Queues!.WaitStopped();
        SchedulePoint.Reach(SchedulePointKind.QueuesStopped, this);
    }

    /// <inheritdoc/>
    public void EndStop(long stop)
    {
        bool isNeeded = false;
        using (Lock.Enter())
        {
            int index = _stops.FindIndex(candidate => candidate.Number == stop);
            AddressRange interval = _stops[index].Interval;
            _stops.RemoveAt(index);
            foreach (GpuJob job in _jobs)
            {
                if (!job.Watches(interval))
                    continue;
                job.Disturbances++;
                if (job.DisturbedSince == 0)
                    job.DisturbedSince = Math.Max(_host.Time.GetTimestamp(), 1);
                isNeeded = true;
            }

            isNeeded |= _stopped != 0;
        }

        if (isNeeded)
            WhenDisturbed();
    }

    /// <summary>Stops what a change by the VM itself takes something from, and waits for it: what an event does in two steps.</summary>
    /// <param name="interval">CPU addresses.</param>
    /// <returns>For <see cref="EndStop"/>.</returns>
    /// <remarks>Locking: waits for units; may be called with Vm and Range held, not with Notifier.</remarks>
    public long Stop(AddressRange interval)
    {
        long stop = Begin(interval, MigrationCause.None);
        WaitStopped(stop);
        return stop;
    }

    /// <summary>Takes a job in, of which nothing is bound.</summary>
    /// <param name="job">The job.</param>
    /// <returns>False if the VM is closing.</returns>
    public bool TryAdd(GpuJob job)
    {
        using (Lock.Enter())
        {
            if (!_isClosed)
                _jobs.Add(job);
            return !_isClosed;
        }
    }

    /// <summary>Forgets a job; what was stopped for it alone goes on.</summary>
    /// <param name="job">The job.</param>
    /// <returns>False if it was forgotten before.</returns>
    public bool TryRemove(GpuJob job)
    {
        using (Lock.Enter())
        {
            if (!_jobs.Remove(job))
                return false;
            job.State = JobState.Ended;
            if (_stopped == 0)
                return true;
        }

        WhenDisturbed();
        return true;
    }

    /// <summary>The count that a binding which begins now is made under.</summary>
    /// <param name="job">The job.</param>
    /// <returns>For <see cref="TrySettle"/>.</returns>
    public long Disturbances(GpuJob job)
    {
        using (Lock.Enter())
            return job.Disturbances;
    }

    /// <summary>Believes a binding, if no change has overtaken it; a job that was never bound may run from then on.</summary>
    /// <param name="job">The job.</param>
    /// <param name="seen">Its count when the binding began.</param>
    /// <returns>False if it must be bound anew.</returns>
    public bool TrySettle(GpuJob job, long seen)
    {
        SchedulePoint.Reach(SchedulePointKind.JobBound, job);
        using (Lock.Enter())
        {
            if (job.Disturbances != seen || IsChangingLocked(job))
                return false;
            job.BoundAt = seen;
            job.DisturbedSince = 0;
            if (job.State == JobState.Binding)
                job.State = JobState.Running;
            return true;
        }
    }

    /// <summary>A running job that has lost something, and that no change has in its hands now; of several one after the other.</summary>
    /// <param name="turn">Whose turn it is: rises with each call.</param>
    /// <param name="seen">Its count, for <see cref="TrySettle"/>.</param>
    /// <param name="since">The host's timestamp since when it is being brought back.</param>
    /// <returns>The job; null if there is none.</returns>
    public GpuJob? FindDisturbed(int turn, out long seen, out long since)
    {
        using (Lock.Enter())
        {
            for (int i = 0; i < _jobs.Count; i++)
            {
                GpuJob job = _jobs[(int)(((uint)turn + (uint)i) % (uint)_jobs.Count)];
                if (job.State != JobState.Running || job.BoundAt == job.Disturbances || IsChangingLocked(job))
                    continue;
                (seen, since) = (job.Disturbances, job.DisturbedSince);
                return job;
            }

            seen = since = 0;
            return null;
        }
    }

    /// <summary>Gives a job up: its launches are failed, and queues are not kept for it any more.</summary>
    /// <param name="job">The job.</param>
    /// <param name="status">Why.</param>
    /// <param name="address">Where.</param>
    public void Fail(GpuJob job, SvmStatus status, VirtualAddress address)
    {
        _counters.CountRestoreFailed();
        job.Fail(status, address); // Before anything can resume: that is done by the caller's thread alone.
        using (Lock.Enter())
        {
            if (job.State == JobState.Running)
                job.State = JobState.Failed;
        }
    }

    /// <summary>Resumes the queues of devices whose running jobs may all run.</summary>
    public void Resume()
    {
        SchedulePoint.Reach(SchedulePointKind.QueuesResuming, this);
        using (Lock.Enter())
        {
            for (ulong left = _stopped & ~NeededLocked(); left != 0; left &= left - 1)
                ResumeLocked(BitOperations.TrailingZeroCount(left));
        }
    }

    /// <summary>Takes no further job in.</summary>
    public void Close()
    {
        using (Lock.Enter())
            _isClosed = true;
    }

    /// <summary>Ends what is left: jobs that were never ended count as ended, and queues that are stopped go on. The restorer has ended.</summary>
    public void Dispose()
    {
        _host.RemoveStopper(this);
        using (Lock.Enter())
        {
            foreach (GpuJob job in _jobs)
                job.State = JobState.Ended;
            _jobs.Clear();
            for (ulong left = _stopped; left != 0; left &= left - 1)
                ResumeLocked(BitOperations.TrailingZeroCount(left));
        }
    }

    /// <summary>Lists a change, and begins to stop the queues of the running jobs that it may concern.</summary>
    /// <param name="interval">CPU addresses.</param>
    /// <param name="cause">On whose behalf pages move, if they do.</param>
    /// <returns>Its number.</returns>
    private long Begin(AddressRange interval, MigrationCause cause)
    {
        using (Lock.Enter())
        {
            ulong devices = 0;
            foreach (GpuJob job in _jobs)
            {
                if (job.State == JobState.Running && job.Watches(interval))
                    devices |= 1UL << job.Device.Index;
            }

            for (ulong left = devices & ~_stopped; left != 0; left &= left - 1)
            {
                VmDevice device = _devices[BitOperations.TrailingZeroCount(left)];
                device.Queues!.BeginStop();
                _stoppedAt[device.Index] = Stopwatch.GetTimestamp();
                _counters.CountQueueStop();
                _host.Events.QueueStop(interval, cause, device.Pagemap.Index);
            }

            _stopped |= devices;
            _stops.Add(new JobStop(++_lastStop, interval, devices));
            return _lastStop;
        }
    }

    /// <summary>Whether a change under way may take something of a job.</summary>
    /// <param name="job">The job.</param>
    private bool IsChangingLocked(GpuJob job)
    {
        foreach (JobStop stop in _stops)
        {
            if (job.Watches(stop.Interval))
                return true;
        }

        return false;
    }

    /// <summary>The devices whose queues must stay stopped.</summary>
    private ulong NeededLocked()
    {
        ulong devices = 0;
        foreach (GpuJob job in _jobs)
        {
            if (job.State == JobState.Running && (job.BoundAt != job.Disturbances || IsChangingLocked(job)))
                devices |= 1UL << job.Device.Index;
        }

        foreach (JobStop stop in _stops)
            devices |= stop.Devices; // Somebody may be waiting for them to stop.
        return devices;
    }

    /// <summary>Resumes one device's queues.</summary>
    /// <param name="device">Its number; they are stopped.</param>
    private void ResumeLocked(int device)
    {
        _stopped &= ~(1UL << device);
        _devices[device].Queues!.Resume();
        _counters.CountQueueRestore(_stoppedAt[device]);
        _host.Events.QueueRestore(_devices[device].Pagemap.Index, _stoppedAt[device]);
    }
}
