// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Device;

/// <summary>A compute unit with a TLB: one thread of an explored program at a time reads and writes through it.</summary>
/// <remarks>
/// An access: says that it is in access, drops what was invalidated, translates by TLB or page table, uses the translation, and is out of access. Between any two of these an invalidation may
/// come; one that waits for the unit waits until it is out, or has dropped. Where there is no translation it takes its fault to the handler, outside the access, and begins again. In an address
/// space without faults it begins no access while the queues are stopped, and a job's missing translation ends the schedule.
/// </remarks>
public sealed class SimulatedUnit : IScheduleSubject
{
    private const int MaxFaults = 200;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5); // Where others really run meanwhile: 200 faults are over before one of them has come on.

    private readonly SimulatedGpu _gpu;
    private readonly SimulatedPageTable _table;
    private readonly int _number;
    private readonly Dictionary<ulong, DeviceAddress> _tlb = [];
    private readonly Action<AddressRange> _drop;
    private readonly Action _leave;
    private bool _isInAccess;
    private ulong _acknowledged; // The last invalidation that the TLB knows of.

    /// <summary>Makes a unit with an empty TLB.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="table">The address space.</param>
    /// <param name="number">Its number there.</param>
    internal SimulatedUnit(SimulatedGpu gpu, SimulatedPageTable table, int number)
    {
        _gpu = gpu;
        _table = table;
        _number = number;
        _drop = Drop;
        _leave = Leave;
    }

    /// <inheritdoc/>
    public string ScheduleName => $"unit {_number} of GPU {_gpu.Number}";

    /// <summary>Reads, writes or adds to a 64-bit number, faulting where needed.</summary>
    /// <param name="vm">The VM, whose handler serves the faults.</param>
    /// <param name="device">The device's number in the VM.</param>
    /// <param name="address">The number's address, 8-byte aligned.</param>
    /// <param name="access">What is done; an atomic adds.</param>
    /// <param name="value">What is written or added; receives what is read.</param>
    /// <param name="job">In an address space without faults: the job that it works for.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or the refusal of a fault; <see cref="SvmStatus.TimedOut"/> after 200 faults that came to nothing, and, where threads really run at once, five seconds; why a
    /// job has failed.</returns>
    public SvmStatus Access(GpuVm vm, int device, VirtualAddress address, MemoryAccess access, ref long value, GpuJob? job = null)
    {
        if (_table.Queues is { } queues)
            return AccessInJob(queues, job, address, access, ref value);
        long start = Stopwatch.GetTimestamp();
        for (int fault = 0; fault < MaxFaults || (_gpu.Host.IsConcurrent && Stopwatch.GetElapsedTime(start) < _patience); fault++)
        {
            SvmStatus status = TryAccess(address, access, ref value);
            if (status == SvmStatus.NotMapped)
                status = OnHost(address, access, ref value);
            if (status != SvmStatus.Retry)
                return status;
            status = vm.FaultHandler.Handle(new GpuFault(address, access, vm.Devices[device].AddressSpaceId, 0, 0), device);
            if (status.IsRetry() && !SchedulePoint.TryYield()) // The service puts it back at the end of its queue.
                Thread.Sleep(0);
            else if (!status.IsRetry() && !status.IsDone())
                return status;
        }

        return SvmStatus.TimedOut;
    }

    /// <summary>An access where nothing faults.</summary>
    /// <param name="queues">Stop and resume the units.</param>
    /// <param name="job">The job that it works for; null for none.</param>
    /// <param name="address">The number's address.</param>
    /// <param name="access">What is done.</param>
    /// <param name="value">What is written or added; receives what is read.</param>
    /// <returns>Done; why the job has failed; not mapped where nothing is bound and no job has named it.</returns>
    /// <exception cref="ScheduleFailedException">The job runs, and something that it has named is not bound.</exception>
    private SvmStatus AccessInJob(SimulatedQueues queues, GpuJob? job, VirtualAddress address, MemoryAccess access, ref long value)
    {
        do
        {
            Leave();
            queues.AwaitRunning();
            Volatile.Write(ref _isInAccess, true);
            Interlocked.MemoryBarrier(); // Pairs with BeginStop: either it sees us inside, or we see it.
        }
        while (queues.IsStopped);

        if (job is not null && job.Status != SvmStatus.Done)
        {
            Leave();
            return job.Status; // Its launch was ended.
        }

        SvmStatus status = TryAccess(address, access, ref value);
        if (status == SvmStatus.NotMapped)
            return OnHost(address, access, ref value);
        if (status != SvmStatus.Retry)
            return status;
        return job is null ? SvmStatus.NotMapped
            : throw new ScheduleFailedException(new ScheduleFailure(ScheduleFailureKind.LostByte, $"a unit of GPU {_gpu.Number} runs a job and finds no translation of 0x{address.Value:x}"));
    }

    /// <summary>Reaches a page of the program by its address, as a call of the operating system does.</summary>
    /// <param name="address">The address.</param>
    /// <param name="access">What is done.</param>
    /// <param name="value">What is written or added; receives what is read.</param>
    /// <returns>As a CPU thread's access.</returns>
    private SvmStatus OnHost(VirtualAddress address, MemoryAccess access, ref long value)
    {
        return access switch
        {
            MemoryAccess.Read => _gpu.Host.CpuRead(address, MemoryMarshal.AsBytes(new Span<long>(ref value))),
            MemoryAccess.Write => _gpu.Host.CpuWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))),
            _ => _gpu.Host.CpuAdd(address, value),
        };
    }

    /// <summary>Whether it is inside an access.</summary>
    internal bool IsInAccess => Volatile.Read(ref _isInAccess); // Pairs with TryAccess and AccessInJob.

    /// <summary>Whether it may still use a translation from before an invalidation.</summary>
    /// <param name="invalidation">The invalidation's number.</param>
    /// <returns>True while it is in an access that began before it knew of it.</returns>
    internal bool MayUseOlderThan(ulong invalidation) => Volatile.Read(ref _isInAccess) && Volatile.Read(ref _acknowledged) < invalidation; // Pairs with TryAccess; the log is read under its lock.

    /// <summary>One try: translates and uses the translation.</summary>
    /// <param name="address">The address.</param>
    /// <param name="access">What is done.</param>
    /// <param name="value">What is written or added; receives what is read.</param>
    /// <returns>Done; retry if there is no translation that allows it; not mapped if it leads to a page that the program has taken away.</returns>
    private SvmStatus TryAccess(VirtualAddress address, MemoryAccess access, ref long value)
    {
        Volatile.Write(ref _isInAccess, true); // Before the look at the log, which takes a lock. Pairs with MayUseOlderThan.
        try
        {
            _table.Catch(ref _acknowledged, _drop);
            if (!_tlb.TryGetValue(address.PageNumber, out DeviceAddress entry))
                entry = _table.Lookup(address);
            bool isAllowed = entry.IsPresent && (access == MemoryAccess.Read || (access == MemoryAccess.Atomic ? entry.AllowsAtomics : entry.IsWritable));
            if (!isAllowed)
            {
                _tlb.Remove(address.PageNumber);
                return SvmStatus.Retry;
            }

            _tlb[address.PageNumber] = entry;
            SchedulePoint.Reach(SchedulePointKind.Atomic, _gpu.Memory); // It has its translation and is about to use it.
            return _gpu.TryUse(entry, address, access, ref value, _leave) ? SvmStatus.Done : SvmStatus.NotMapped;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Ends the access.</summary>
    private void Leave()
    {
        Volatile.Write(ref _isInAccess, false); // After the use. Pairs with MayUseOlderThan.
        SchedulePoint.Signal(this);
    }

    /// <summary>Drops translations of an interval.</summary>
    /// <param name="interval">The interval.</param>
    private void Drop(AddressRange interval)
    {
        foreach (ulong page in _tlb.Keys.Where(page => interval.Contains(VirtualAddress.OfPage(page))).ToArray())
            _tlb.Remove(page);
    }
}
