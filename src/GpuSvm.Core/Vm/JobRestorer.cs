// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Vm;

/// <summary>
/// The thread that brings back what changes have taken from running jobs, and resumes their queues: started with the first job, ended with the VM. Kernel:
/// svm_range_restore_work, xe's preempt rebind worker.
/// </summary>
/// <remarks>It binds only jobs that were disturbed, until none is; binding one may disturb another. A job whose memory cannot be had, or not within the VM's time, is failed, and the others go on.</remarks>
internal sealed class JobRestorer
{
    private readonly GpuVm _vm;
    private readonly JobGate _gate;
    private readonly JobBinder _binder;
    private readonly WorkThread _thread;

    /// <summary>Prepares the thread, which the gate wakes from now on.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="gate">Its jobs.</param>
    /// <param name="binder">Binds them.</param>
    public JobRestorer(GpuVm vm, JobGate gate, JobBinder binder)
    {
        _vm = vm;
        _gate = gate;
        _binder = binder;
        _thread = new WorkThread("gpusvm-restore", Restore);
        gate.WhenDisturbed = _thread.Wake;
    }

    /// <summary>Starts the thread if it does not run yet.</summary>
    /// <returns>False if there is no memory for it.</returns>
    public bool TryStart()
    {
        try
        {
            _thread.Start();
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    /// <summary>Ends the thread and waits for it; the gate is closed.</summary>
    public void Close() => _thread.Close();

    /// <summary>The thread's work: binds disturbed jobs until none is left, and resumes what may run.</summary>
    private void Restore()
    {
        for (int pass = 0; _gate.FindDisturbed(pass, out long seen, out long since) is { } job; pass++)
        {
            if (pass > 3)
                Pause.Sleep(pass > 32 ? 1 : 0);
            BringBack(job, seen, since);
            _gate.Resume(); // Another device's queues need not wait for this job.
        }

        _gate.Resume();
    }

    /// <summary>Tries once to bind what a job has lost.</summary>
    /// <param name="job">The job.</param>
    /// <param name="seen">Its count of disturbances.</param>
    /// <param name="since">The host's timestamp since when it is being brought back.</param>
    private void BringBack(GpuJob job, long seen, long since)
    {
        SvmStatus status = _binder.Bind(job, mayMove: false, out VirtualAddress failedAt);
        if (status == SvmStatus.Done && _gate.TrySettle(job, seen))
            return;
        if (status != SvmStatus.Done && !status.IsRetry())
            _gate.Fail(job, status, failedAt);
        else if (_vm.Host.Time.GetElapsedTime(since) > _vm.Options.JobTimeout)
            _gate.Fail(job, SvmStatus.TimedOut, failedAt.Value != 0 || job.Pieces.Count == 0 ? failedAt : job.Pieces[0].Interval.Start);
    }
}
