// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>A simulated address space under a clock of the test's own, whose device runs real kernels on one unit and counts their accesses.</summary>
internal sealed unsafe class HotMachine : IDisposable
{
    private readonly FaultService _service;
    private readonly SvmEventStream _stream;
    private readonly SvmEvent[] _buffer = new SvmEvent[1024];
    private readonly List<AddressRange> _allocations = [];
    private readonly Work* _work = (Work*)NativeMemory.AllocZeroed((nuint)sizeof(Work)); // SAFETY: freed by Dispose, after the last launch.
    private readonly bool _ownsDevice;
    private bool _isVmClosed;

    /// <summary>Builds the machine.</summary>
    /// <param name="options">Of the VM.</param>
    /// <param name="blocks">2 MiB blocks of device memory.</param>
    /// <param name="places">Notifications that can wait.</param>
    /// <param name="device">A device that somebody else ends; null for one of its own.</param>
    public HotMachine(GpuVmOptions options, int blocks = 8, int places = 256, SoftwareGpuDevice? device = null)
    {
        Memory = new SimulatedHostMemory();
        Host = new HostAddressSpace(Memory, Time);
        _ownsDevice = device is null;
        Device = device ?? NewDevice(blocks, places);
        Vm = new GpuVm(Host, Device, options);
        _service = new FaultService(Device.FaultBuffer, Vm, threads: 1);
        _stream = Host.Events.Open(1 << 16);
    }

    /// <summary>The clock.</summary>
    public ManualTime Time { get; } = new();

    /// <summary>The memory.</summary>
    public SimulatedHostMemory Memory { get; }

    /// <summary>The address space.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>The device.</summary>
    public SoftwareGpuDevice Device { get; }

    /// <summary>The VM.</summary>
    public GpuVm Vm { get; }

    /// <summary>What it has counted.</summary>
    public VmCounters Counters => Vm.Counters;

    /// <summary>The device's counters.</summary>
    public SoftwareGpuAccessCounters Hardware => ((SoftwareGpuPageTable)Vm.PageTable).AccessCounters!;

    /// <summary>Everything recorded and read so far.</summary>
    public List<SvmEvent> Events { get; } = [];

    /// <summary>A device for several machines.</summary>
    /// <param name="blocks">2 MiB blocks of memory.</param>
    /// <param name="places">Notifications that can wait.</param>
    public static SoftwareGpuDevice NewDevice(int blocks, int places = 256) =>
        new(new SoftwareGpuOptions { MemoryBytes = (long)blocks * PageSize.HugeBytes, ComputeUnits = 1, AccessCounterPlaces = places });

    /// <summary>Allocates shared memory.</summary>
    /// <param name="blocks">2 MiB blocks.</param>
    public AddressRange Allocate(int blocks)
    {
        Assert.Equal(SvmStatus.Done, Host.Allocate((long)blocks * PageSize.HugeBytes, out AddressRange interval));
        _allocations.Add(interval);
        return interval;
    }

    /// <summary>Frees shared memory.</summary>
    /// <param name="interval">Its interval.</param>
    public void Free(AddressRange interval)
    {
        Assert.Equal(SvmStatus.Done, Host.Free(interval));
        _allocations.Remove(interval);
    }

    /// <summary>Has a kernel read a word a number of times, each by an access of its own.</summary>
    /// <param name="address">The word.</param>
    /// <param name="times">How often.</param>
    /// <returns>What it read last.</returns>
    public long Use(VirtualAddress address, long times)
    {
        *_work = new Work { Address = address.Value, Times = times };
        delegate* unmanaged<SoftwareGpuKernelContext*, void*, void> kernel = &Read;
        Assert.Equal(SvmStatus.Done, Device.Queue.Start((SoftwareGpuPageTable)Vm.PageTable, (nint)kernel, (nint)_work, 1, out SoftwareGpuLaunch launch));
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)), "The launch hangs.");
        Assert.Equal("", launch.Message);
        return _work->Value;
    }

    /// <summary>Writes as the CPU.</summary>
    public void Store(VirtualAddress address, long value) =>
        Assert.Equal(SvmStatus.Done, Memory.CpuWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))));

    /// <summary>The GPU gets a block that it has not mapped, the CPU calls it home, and the GPU's next touch maps it there: that is what back-off does. One access is counted.</summary>
    /// <param name="address">In the block.</param>
    /// <param name="value">What the CPU writes.</param>
    public void Fight(VirtualAddress address, long value)
    {
        Use(address, 1);
        Assert.True(IsOnDevice(address));
        Store(address, value);
        Assert.Equal(value, Use(address, 1));
        Assert.False(IsOnDevice(address));
    }

    /// <summary>Waits until notifications have been dealt with.</summary>
    /// <param name="count">How many since the machine began.</param>
    /// <returns>The event of the last of these.</returns>
    public SvmEvent WaitForServed(int count)
    {
        if (count == 0)
            return default;
        Assert.True(SpinWait.SpinUntil(() => Served().Count >= count, 30_000), $"{Served().Count} notifications were served, not {count}");
        Assert.Equal(0, _stream.Dropped(SvmEventKind.None));
        return Served()[count - 1];
    }

    /// <summary>Waits until every notification has been dealt with that the device has raised.</summary>
    public void WaitForAll() => WaitForServed((int)Hardware.Notifications);

    /// <summary>Events of notifications so far.</summary>
    public List<SvmEvent> Served()
    {
        int read;
        while ((read = _stream.Read(_buffer)) > 0)
            Events.AddRange(_buffer[..read]);
        return Events.FindAll(one => one.Kind == SvmEventKind.AccessCounter);
    }

    /// <summary>Whether a page is on the device.</summary>
    public bool IsOnDevice(VirtualAddress address)
    {
        var entry = new PageEntry[1];
        Host.ReadEntries(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1), entry);
        return entry[0].IsDevice;
    }

    /// <summary>How the device reaches a page.</summary>
    public AddressProtocol? ProtocolOf(VirtualAddress address) => Vm.PageTable.Lookup(address) is { IsPresent: true } entry ? entry.Protocol : null;

    /// <summary>Ends the VM alone.</summary>
    public void CloseVm()
    {
        _isVmClosed = true;
        Vm.Dispose();
    }

    /// <summary>Ends everything and asserts that nothing leaked.</summary>
    public void Dispose()
    {
        Device.FaultBuffer.Close();
        _service.Dispose();
        if (!_isVmClosed)
            Machine.AssertHold(InvariantChecker.Check([Vm]));
        foreach (AddressRange interval in _allocations.ToArray())
            Free(interval);
        Vm.Dispose();
        if (_ownsDevice)
        {
            Assert.Equal(Device.Memory.Pages, Device.Memory.FreePages);
            Device.Dispose();
        }

        Memory.VerifyNoLeaks();
        Host.Dispose();
        NativeMemory.Free(_work);
    }

    /// <summary>The kernel.</summary>
    [UnmanagedCallersOnly]
    private static void Read(SoftwareGpuKernelContext* context, void* arguments)
    {
        var work = (Work*)arguments;
        for (long i = 0; i < work->Times; i++)
        {
            if (context->Functions->Read(context, work->Address, &work->Value, 8) != 0)
                return;
        }
    }

    /// <summary>What the kernel works on.</summary>
    private struct Work
    {
        internal ulong Address;
        internal long Times;
        internal long Value;
    }
}
