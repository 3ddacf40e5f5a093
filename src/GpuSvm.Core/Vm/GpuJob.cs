// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>A job in a VM without faults: memory that stays bound for a device, or whose device's queues are stopped, until the job is ended. Made by <see cref="GpuVm.BeginJob"/>.</summary>
public sealed class GpuJob
{
    private readonly object _gate = new(); // Guards the three below; nothing is called under it.
    private SvmStatus _status;
    private VirtualAddress _failedAt;
    private Action<GpuJob>? _whenFailed;

    /// <summary>Makes a job of which nothing is bound.</summary>
    /// <param name="device">Where it is to run.</param>
    /// <param name="pieces">What it names.</param>
    internal GpuJob(VmDevice device, JobPiece[] pieces)
    {
        Device = device;
        Pieces = pieces;
    }

    /// <summary><see cref="SvmStatus.Done"/>; else why memory that it named could not be brought back: it must not run on.</summary>
    public SvmStatus Status
    {
        get
        {
            lock (_gate)
                return _status;
        }
    }

    /// <summary>The GPU address at which bringing back failed; 0 if it has not.</summary>
    public VirtualAddress FailedAt
    {
        get
        {
            lock (_gate)
                return _failedAt;
        }
    }

    /// <summary>Where it runs.</summary>
    internal VmDevice Device { get; }

    /// <summary>What it named.</summary>
    internal IReadOnlyList<JobPiece> Pieces { get; }

    /// <summary>How far it is. Guarded by the gate's lock.</summary>
    internal JobState State { get; set; }

    /// <summary>How many events have taken something of it, or may have. Guarded by the gate's lock.</summary>
    internal long Disturbances { get; set; }

    /// <summary>The count of <see cref="Disturbances"/> at which all of it was bound; -1 before. Guarded by the gate's lock.</summary>
    internal long BoundAt { get; set; } = -1;

    /// <summary>The host's timestamp since when it is being brought back; 0 if it is not. Guarded by the gate's lock.</summary>
    internal long DisturbedSince { get; set; }

    /// <summary>Says what to do when the job fails: at once if it has. Called before the queues of its device are resumed, so what is to be told is that its launches end.</summary>
    /// <param name="action">What to do; called once, with no lock held. It must not end the VM.</param>
    public void WhenFailed(Action<GpuJob> action)
    {
        lock (_gate)
        {
            if (_status == SvmStatus.Done)
            {
                _whenFailed = action;
                return;
            }
        }

        action(this);
    }

    /// <summary>Whether a change of the host side may take something of it away.</summary>
    /// <param name="interval">CPU addresses.</param>
    /// <returns>True if so.</returns>
    internal bool Watches(AddressRange interval)
    {
        foreach (JobPiece piece in Pieces)
        {
            if (piece.Watched.Overlaps(interval))
                return true;
        }

        return false;
    }

    /// <summary>Notes that it has failed, and tells who wants to know.</summary>
    /// <param name="status">Why.</param>
    /// <param name="address">Where.</param>
    /// <remarks>Locking: nothing is held.</remarks>
    internal void Fail(SvmStatus status, VirtualAddress address)
    {
        Action<GpuJob>? whenFailed;
        lock (_gate)
        {
            if (_status != SvmStatus.Done)
                return;
            _status = status;
            _failedAt = address;
            whenFailed = _whenFailed;
        }

        whenFailed?.Invoke(this);
    }
}
