// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Cli.Bench;

/// <summary>A CPU thread and a kernel of one unit on the same pages, over simulated memory, in the tool's own runtime.</summary>
internal sealed unsafe class ThrashMachine : IDisposable
{
    /// <summary>Room for ranges of 2 MiB, never full.</summary>
    private const int DeviceBytes = 32 << 20;

    /// <summary>The device.</summary>
    private readonly SoftwareGpuDevice _device;

    /// <summary>The memory.</summary>
    private readonly SimulatedHostMemory _memory;

    /// <summary>The address space over it.</summary>
    private readonly HostAddressSpace _host;

    /// <summary>Serves the faults.</summary>
    private readonly FaultService _service;

    /// <summary>What both sides work on.</summary>
    private readonly AddressRange _interval;

    /// <summary>The kernel's arguments.</summary>
    private readonly Work* _work;

    /// <summary>Builds the machine.</summary>
    /// <param name="policy">The thrash policy; null for none.</param>
    /// <param name="order">The size of ranges.</param>
    /// <param name="blocks">How many of them both sides use.</param>
    /// <param name="counters">The access counter policy; null for none.</param>
    public ThrashMachine(IThrashPolicy? policy, PageOrder order, int blocks, IAccessCounterPolicy? counters = null)
    {
        _device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = DeviceBytes, ComputeUnits = 1 });
        _memory = new SimulatedHostMemory(new SimulatedHostOptions());
        _host = new HostAddressSpace(_memory);
        Vm = new GpuVm(_host, _device, new GpuVmOptions { ChunkOrders = [order, PageOrder.Small], Thrash = policy, AccessCounters = counters });
        _service = new FaultService(_device.FaultBuffer, Vm, threads: 1);
        SimulatedMachine.Expect(_host.Allocate(blocks * order.Bytes, out _interval));
        _work = (Work*)NativeMemory.AllocZeroed((nuint)sizeof(Work)); // SAFETY: freed by Dispose, after the last launch.
        _work->Address = _interval.Start.Value;
        _work->Pages = _interval.Pages;
    }

    /// <summary>The GPU's side.</summary>
    private GpuVm Vm { get; }

    /// <summary>Lets the sides take turns, each over all pages once.</summary>
    /// <param name="time">For how long.</param>
    /// <returns>Milliseconds of one turn of each, and blocks that moved to the device in it.</returns>
    public (double Milliseconds, double Moves) InTurns(TimeSpan time)
    {
        var rounds = 0;
        var start = Stopwatch.GetTimestamp();
        for (; Stopwatch.GetElapsedTime(start) < time; rounds++)
        {
            Start().Wait(Timeout.InfiniteTimeSpan);
            for (long page = 0; page < _interval.Pages; page++)
                AddAsCpu(page);
        }

        return (Stopwatch.GetElapsedTime(start).TotalMilliseconds / rounds, Vm.Pagemap.Counters.BlocksToDevice / (double)rounds);
    }

    /// <summary>Lets the kernel work alone.</summary>
    /// <param name="time">For how long.</param>
    /// <returns>Nanoseconds of one access, launches counted in: the median of all rounds; and blocks that moved to the device meanwhile.</returns>
    public (double Nanoseconds, long Moves) Alone(TimeSpan time)
    {
        var before = Vm.Pagemap.Counters.BlocksToDevice;
        var rounds = new List<double>();
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            var round = Stopwatch.GetTimestamp();
            Start().Wait(Timeout.InfiniteTimeSpan);
            rounds.Add(Stopwatch.GetElapsedTime(round).TotalNanoseconds);
        }

        rounds.Sort();
        return (rounds[rounds.Count / 2] / (2.0 * _interval.Pages), Vm.Pagemap.Counters.BlocksToDevice - before);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _device.FaultBuffer.Close();
        _service.Dispose();
        Vm.Dispose();
        _device.Dispose();
        _host.Dispose();
        NativeMemory.Free(_work);
    }

    /// <summary>Adds to the CPU's counter of a page.</summary>
    /// <param name="page">Its number.</param>
    private void AddAsCpu(long page)
    {
        VirtualAddress address = _interval.Start + (page * PageSize.Bytes) + 8;
        long value = 0;
        SimulatedMachine.Expect(_memory.CpuRead(address, MemoryMarshal.AsBytes(new Span<long>(ref value))));
        value++;
        SimulatedMachine.Expect(_memory.CpuWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))));
    }

    /// <summary>Starts the kernel.</summary>
    /// <returns>Its launch.</returns>
    private SoftwareGpuLaunch Start()
    {
        delegate* unmanaged<SoftwareGpuKernelContext*, void*, void> kernel = &Add;
        SimulatedMachine.Expect(_device.Queue.Start((SoftwareGpuPageTable)Vm.PageTable, (nint)kernel, (nint)_work, 1, out SoftwareGpuLaunch launch));
        return launch;
    }

    /// <summary>The kernel: adds to the GPU's counter of each page.</summary>
    /// <param name="context">The group's.</param>
    /// <param name="arguments">The work.</param>
    [UnmanagedCallersOnly]
    private static void Add(SoftwareGpuKernelContext* context, void* arguments)
    {
        var work = (Work*)arguments;
        for (long page = 0; page < work->Pages; page++)
        {
            long value;
            var address = work->Address + (ulong)(page * PageSize.Bytes);
            if (context->Functions->Read(context, address, &value, 8) != 0)
                return;
            value++;
            if (context->Functions->Write(context, address, &value, 8) != 0)
                return;
        }
    }

    /// <summary>What the kernel works on.</summary>
    private struct Work
    {
        /// <summary>The first page.</summary>
        internal ulong Address;

        /// <summary>How many pages.</summary>
        internal long Pages;
    }
}
