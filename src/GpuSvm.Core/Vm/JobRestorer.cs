// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Vm;

/// <summary>
/// The thread that brings back what changes have taken from running jobs, and resumes their queues: started with the first job, ended with the VM. Kernel:
/// svm_range_restore_work, xe's preempt rebind worker.
/// </summary>
/// <remarks>It binds only jobs that were disturbed, until none is; binding one may disturb another. A job whose memory cannot be had, or not within the VM's time, is failed, and the others go on.</remarks>
/// <param name="vm">The VM.</param>
/// <param name="gate">Its jobs.</param>
/// <param name="binder">Binds them.</param>
internal sealed class JobRestorer(GpuVm vm, JobGate gate, JobBinder binder)
{
    private readonly object _starting = new(); // Guards _thread.
    private Thread? _thread;

    /// <summary>Starts the thread if it does not run yet.</summary>
    /// <returns>False if there is no memory for it.</returns>
    public bool TryStart()
    {
        try
        {
            lock (_starting)
            {
                if (_thread is not null)
                    return true;
                var thread = new Thread(Serve) { IsBackground = true, Name = "gpusvm-restore" };
                thread.Start();
                _thread = thread;
                return true;
            }
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    /// <summary>Waits for the thread's end; the gate is closed.</summary>
    public void Join()
    {
        Thread? thread;
        lock (_starting)
            thread = _thread;
        thread?.Join();
    }

    /// <summary>The thread.</summary>
    private void Serve()
    {
        while (gate.WaitForWork())
        {
            for (int pass = 0; gate.FindDisturbed(pass, out long seen, out long since) is { } job; pass++)
            {
                if (pass > 3)
                    Pause.Sleep(pass > 32 ? 1 : 0);
                BringBack(job, seen, since);
                gate.Resume(); // Another device's queues need not wait for this job.
            }

            gate.Resume();
        }
    }

    /// <summary>Tries once to bind what a job has lost.</summary>
    /// <param name="job">The job.</param>
    /// <param name="seen">Its count of disturbances.</param>
    /// <param name="since">The host's timestamp since when it is being brought back.</param>
    private void BringBack(GpuJob job, long seen, long since)
    {
        SvmStatus status = binder.Bind(job, mayMove: false, out VirtualAddress failedAt);
        if (status == SvmStatus.Done && gate.TrySettle(job, seen))
            return;
        if (status != SvmStatus.Done && !status.IsRetry())
            gate.Fail(job, status, failedAt);
        else if (vm.Host.Time.GetElapsedTime(since) > vm.Options.JobTimeout)
            gate.Fail(job, SvmStatus.TimedOut, failedAt.Value != 0 || job.Pieces.Count == 0 ? failedAt : job.Pieces[0].Interval.Start);
    }
}
