// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Vm;

/// <content>Jobs: what runs in a VM without faults.</content>
public sealed partial class GpuVm
{
    /// <summary>The running jobs; null in a VM with faults.</summary>
    internal JobGate? Jobs { get; }

    /// <summary>Binds jobs; null in a VM with faults.</summary>
    private JobBinder? Binder { get; }

    /// <summary>Brings back what they lose; null in a VM with faults.</summary>
    private JobRestorer? Restorer { get; }

    /// <summary>
    /// Makes memory usable for a job in a VM without faults: moves it by advice and placement, binds it, and keeps it bound until <see cref="EndJob"/>. Where something takes a part of it away
    /// meanwhile, the device's queues for this VM are stopped before, and resumed when it is back. Several jobs may run on one device, each with memory of its own or the same.
    /// </summary>
    /// <param name="memory">All shared memory and user pointers that the job touches; none for a job that touches none. Copied.</param>
    /// <param name="job">The job; null unless done. End it when its last launch is over.</param>
    /// <param name="failedAt">The GPU address that cannot be had; 0 if it is none in particular.</param>
    /// <param name="device">Which of the VM's devices it runs on.</param>
    /// <returns><see cref="SvmStatus.Done"/>: all of it is bound. Otherwise nothing of it is kept: <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ReadOnly"/>, <see cref="SvmStatus.AccessDenied"/>,
    /// <see cref="SvmStatus.DeviceGone"/>, <see cref="SvmStatus.ProcessGone"/>, <see cref="SvmStatus.OutOfHostMemory"/>, <see cref="SvmStatus.CopyFailed"/>: as a fault at the address would end.
    /// <see cref="SvmStatus.Busy"/>: changes have overtaken it for <see cref="GpuVmOptions.JobTimeout"/>. <see cref="SvmStatus.InvalidArgument"/> for an empty interval or no such device;
    /// <see cref="SvmStatus.NotSupported"/> in a VM with faults; <see cref="SvmStatus.InvalidHandle"/> if the VM is closing.</returns>
    /// <remarks>Locking: takes Vm shared; must hold nothing. What is reached beyond the memory named is an error of the kernel, unless it happens to be bound.</remarks>
    public SvmStatus BeginJob(ReadOnlySpan<JobMemory> memory, out GpuJob? job, out VirtualAddress failedAt, int device = 0)
    {
        job = null;
        failedAt = default;
        if (Jobs is null)
            return SvmStatus.NotSupported;
        if ((uint)device >= (uint)_devices.Length)
            return SvmStatus.InvalidArgument;
        SvmStatus status = TryMakeJob(memory, _devices[device], out GpuJob? made, out failedAt);
        if (status != SvmStatus.Done)
            return status;
        if (!Restorer!.TryStart())
            return SvmStatus.OutOfHostMemory;
        if (!Jobs.TryAdd(made!))
            return SvmStatus.InvalidHandle;
        long start = Host.Time.GetTimestamp();
        for (int pass = 0; ; pass++)
        {
            long seen = Jobs.Disturbances(made!);
            status = Binder!.Bind(made!, mayMove: pass == 0, out failedAt);
            if (status == SvmStatus.Done && Jobs.TrySettle(made!, seen))
            {
                job = made;
                return SvmStatus.Done;
            }

            if (status != SvmStatus.Done && !status.IsRetry())
                break;
            status = SvmStatus.Busy;
            if (Host.Time.GetElapsedTime(start) > Options.JobTimeout)
                break;
            if (pass > 3)
                Pause.Sleep(pass > 32 ? 1 : 0);
        }

        _ = Jobs.TryRemove(made!); // It was added above, and nobody else knows it.
        return status;
    }

    /// <summary>Ends a job: its memory stays where it is, and may be taken away without stopping anything.</summary>
    /// <param name="job">What <see cref="BeginJob"/> gave; all its launches are over.</param>
    /// <returns><see cref="GpuJob.Status"/>: whether it kept its memory to the end; <see cref="SvmStatus.InvalidHandle"/> if it was ended before.</returns>
    public SvmStatus EndJob(GpuJob job) => Jobs is { } jobs && jobs.TryRemove(job) ? job.Status : SvmStatus.InvalidHandle;

    /// <summary>Makes a job of what it names.</summary>
    /// <param name="memory">What it names.</param>
    /// <param name="device">Where it is to run.</param>
    /// <param name="job">The job, known to nobody yet.</param>
    /// <param name="failedAt">Where there is no window.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.InvalidArgument"/>, <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ReadOnly"/> for a write to a user pointer that may only
    /// be read, or <see cref="SvmStatus.OutOfHostMemory"/>.</returns>
    private SvmStatus TryMakeJob(ReadOnlySpan<JobMemory> memory, VmDevice device, out GpuJob? job, out VirtualAddress failedAt)
    {
        job = null;
        failedAt = default;
        try
        {
            var pieces = new JobPiece[memory.Length];
            for (int i = 0; i < pieces.Length; i++)
            {
                if (memory[i].Interval.IsEmpty)
                    return SvmStatus.InvalidArgument;
                AddressRange interval = memory[i].Interval.AlignOutward();
                failedAt = interval.Start;
                Host.NoticeChanges(interval);
                GpuUserptr? userptr = null;
                using (Lock.EnterRead())
                {
                    if (FindWindow(interval.Start) is not { } window || !window.Interval.Contains(interval))
                        return SvmStatus.NotMapped;
                    userptr = window.Userptr;
                }

                if (userptr is { IsReadOnly: true } && memory[i].Access != MemoryAccess.Read)
                    return SvmStatus.ReadOnly;
                pieces[i] = new JobPiece(interval, memory[i].Access, userptr, WatchedOf(interval, userptr));
            }

            job = new GpuJob(device, pieces);
            failedAt = default;
            return SvmStatus.Done;
        }
        catch (OutOfMemoryException)
        {
            return SvmStatus.OutOfHostMemory;
        }
    }

    /// <summary>The CPU addresses whose changes may take something of an interval away: those of all ranges and blocks that may overlap it, for these go whole.</summary>
    /// <param name="interval">GPU addresses inside one window.</param>
    /// <param name="userptr">The window's user pointer, if it is one.</param>
    /// <returns>CPU addresses.</returns>
    private AddressRange WatchedOf(AddressRange interval, GpuUserptr? userptr)
    {
        PageOrder largest = PageOrder.Huge; // A user pointer's block lies inside one such block.
        if (userptr is not null)
            interval = AddressRange.OfBytes(userptr.Interval.Start + (interval.Start - userptr.GpuInterval.Start), interval.Bytes);
        else
            largest = Mirror.ChunkOrders[0];
        return new AddressRange(interval.Start.Block(largest).Start, (interval.End - 1).Block(largest).End);
    }

    /// <summary>Ends the jobs' machinery: no launch is running, so no job either.</summary>
    private void CloseJobs()
    {
        Jobs?.Close();
        Restorer?.Close();
        Jobs?.Dispose();
    }
}
