// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Faults;

/// <summary>
/// Takes faults from a device's buffer and has them served, with a few threads of its own. Kernel: xe_pagefault_handler with its queues.
/// </summary>
/// <remarks>A fault is acknowledged exactly once, with what became of it: served, or refused with the reason. One that was overtaken in every pass goes back
/// to the end of the queue, so that others get their turn, until its time is up.</remarks>
public sealed class FaultService : IDisposable
{
    private const int BatchSize = 32;
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
    public void Serve(in GpuFault fault)
    {
        SvmStatus status = fault.AddressSpaceId == _device.AddressSpaceId ? _vm.FaultHandler.Handle(fault, _device.Index) : SvmStatus.NotMapped;
        if (!status.IsRetry())
        {
            _buffer.Acknowledge(fault, status);
            return;
        }

        if (Stopwatch.GetElapsedTime(fault.Timestamp).TotalSeconds > MaxSeconds)
            _buffer.Acknowledge(fault, SvmStatus.TimedOut);
        else
            _buffer.Requeue(fault);
    }

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
        var batch = new GpuFault[BatchSize];
        int count;
        while ((count = _buffer.Fetch(batch)) > 0)
        {
            for (int i = 0; i < count; i++)
                Serve(batch[i]);
        }
    }
}
