// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Faults;

/// <summary>
/// Takes faults from a device's buffer and has them served, with a few threads of its own. Kernel: xe_pagefault_handler with its queues.
/// </summary>
/// <remarks>A fault is acknowledged exactly once, with what became of it: served, or refused with the reason. One that was overtaken in every pass goes back
/// to the end of the queue, so that others get their turn, until its time is up. Equal faults that are fetched together are served by one call.</remarks>
public sealed class FaultService : IDisposable
{
    private const int MostFetched = 256; // By all threads together, so that one does not take everything.
    private const int LeastFetched = 32;
    private const int MaxSeconds = 10;

    private readonly IFaultBuffer _buffer;
    private readonly GpuVm _vm;
    private readonly VmDevice _device;
    private readonly Thread[] _threads;

    /// <summary>Starts the service.</summary>
    /// <param name="buffer">The device's fault buffer.</param>
    /// <param name="vm">The VM whose faults come out of it.</param>
    /// <param name="threads">How many threads serve, 1 to 64.</param>
    /// <param name="device">The number in the VM of the device whose buffer it is.</param>
    public FaultService(IFaultBuffer buffer, GpuVm vm, int threads, int device = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 64);
        _buffer = buffer;
        _vm = vm;
        _device = vm.Devices[device];
        _threads = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            _threads[i] = new Thread(Run) { IsBackground = true, Name = $"gpusvm-fault-{i}" };
            _threads[i].Start();
        }
    }

    /// <summary>Serves one fault and acknowledges it, or puts it back. For devices whose faulting unit helps itself.</summary>
    /// <param name="fault">A fetched fault.</param>
    public void Serve(in GpuFault fault) => Answer(fault, Handle(fault));

    /// <summary>Ends the service once the buffer is empty. Launches must have ended.</summary>
    public void Dispose()
    {
        _buffer.Close();
        foreach (Thread thread in _threads)
            thread.Join();
    }

    /// <summary>One service thread.</summary>
    private void Run()
    {
        var batch = new GpuFault[Math.Max(LeastFetched, MostFetched / _threads.Length)];
        var isAnswered = new bool[batch.Length];
        int count;
        while ((count = _buffer.Fetch(batch)) > 0)
        {
            isAnswered.AsSpan(0, count).Clear();
            for (int i = 0; i < count; i++)
            {
                while (!isAnswered[i])
                    ServeEqual(batch.AsSpan(i, count - i), isAnswered.AsSpan(i, count - i));
            }
        }
    }

    /// <summary>Serves the strongest access of the faults that equal the first one, and answers all that this decides. At least one is answered.</summary>
    /// <param name="faults">Fetched faults; the first one is not answered.</param>
    /// <param name="isAnswered">Which of them were acknowledged or put back.</param>
    private void ServeEqual(ReadOnlySpan<GpuFault> faults, Span<bool> isAnswered)
    {
        int strongest = 0;
        for (int i = 1; i < faults.Length; i++)
        {
            if (!isAnswered[i] && AreEqual(faults[i], faults[0]) && faults[i].Access > faults[strongest].Access)
                strongest = i;
        }

        MemoryAccess access = faults[strongest].Access;
        SvmStatus status = Handle(faults[strongest]);
        int answered = 0;
        for (int i = faults.Length - 1; i >= 0; i--) // The first one last: it is what the others are compared with.
        {
            // A refusal says nothing of weaker accesses: they are tried on their own.
            bool isDecided = status == SvmStatus.Done || status.IsRetry() || faults[i].Access == access;
            if (isAnswered[i] || !isDecided || !AreEqual(faults[i], faults[0]))
                continue;
            isAnswered[i] = true;
            answered++;
            Answer(faults[i], status);
        }

        if (answered > 1)
            _vm.Counters.CountMerged(answered - 1);
    }

    /// <summary>Whether two faults are of one page of one address space; the access may differ.</summary>
    /// <param name="one">A fault.</param>
    /// <param name="other">Another.</param>
    private static bool AreEqual(in GpuFault one, in GpuFault other)
        => one.AddressSpaceId == other.AddressSpaceId && one.Address.PageNumber == other.Address.PageNumber;

    /// <summary>Has a fault handled, if it is of this service's address space.</summary>
    /// <param name="fault">A fetched fault.</param>
    /// <returns>What became of it.</returns>
    private SvmStatus Handle(in GpuFault fault)
        => fault.AddressSpaceId == _device.AddressSpaceId ? _vm.FaultHandler.Handle(fault, _device.Index) : SvmStatus.NotMapped;

    /// <summary>Acknowledges a fault, or puts it back if it was overtaken and has time left.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="status">What became of it.</param>
    private void Answer(in GpuFault fault, SvmStatus status)
    {
        if (status.IsRetry() && Stopwatch.GetElapsedTime(fault.Timestamp).TotalSeconds <= MaxSeconds)
        {
            _buffer.Requeue(fault);
            return;
        }

        if (status.IsRetry())
            status = SvmStatus.TimedOut;
        if (status == SvmStatus.Done)
            _vm.Host.Events.Replay(fault, _device.Pagemap.Index);
        else
            _vm.FailedFaults.Add(fault, status, _device.Index); // Before the launcher hears of it: it may ask for the list.
        _buffer.Acknowledge(fault, status);
    }
}
