// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Conformance.Races;

/// <summary>A whole machine for one race: a memory, simulated or real, its address space, one or several devices, and the program.</summary>
/// <remarks>
/// The program's accesses go through the fixture: on real memory each is one call of the C library, in which the thread may be stopped by a page fault for as long as
/// another thread is held at a schedule point.
/// </remarks>
public sealed class RaceMachine : IDisposable
{
    private readonly List<AddressRange> _allocations = [];
    private readonly List<GpuVm> _vms = [];
    private readonly List<SoftwareGpuDevice> _devices = [];
    private readonly EventWatch _watch;

    /// <summary>Builds it, without devices.</summary>
    /// <param name="fixture">The backend.</param>
    /// <param name="memory">One that it made.</param>
    /// <param name="time">The clock; null for the system's.</param>
    public RaceMachine(HostMemoryFixture fixture, IHostMemory memory, TimeProvider? time = null)
    {
        SchedulePoint.Install(null);
        Injection.Reset();
        Fixture = fixture;
        Memory = memory;
        Host = new HostAddressSpace(memory, time);
        _watch = new EventWatch(Host);
    }

    /// <summary>The backend.</summary>
    public HostMemoryFixture Fixture { get; }

    /// <summary>The memory.</summary>
    public IHostMemory Memory { get; }

    /// <summary>The address space.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>Adds a device with an address space of its own.</summary>
    /// <param name="options">How that behaves; null moves pages on every touch.</param>
    /// <param name="devicePages">The device's memory.</param>
    /// <returns>The device.</returns>
    public RaceGpu Add(GpuVmOptions? options = null, int devicePages = 4096) => AddShared(1, options, devicePages)[0];

    /// <summary>Adds devices with one address space for all.</summary>
    /// <param name="count">How many.</param>
    /// <param name="options">As <see cref="Add"/>.</param>
    /// <param name="devicePages">The memory of each.</param>
    /// <returns>The devices.</returns>
    public RaceGpu[] AddShared(int count, GpuVmOptions? options = null, int devicePages = 4096)
    {
        SoftwareGpuDevice[] devices = [.. Enumerable.Range(0, count).Select(_ =>
            new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = (long)devicePages * PageSize.Bytes, ComputeUnits = 1 }))];
        _devices.AddRange(devices);
        var vm = new GpuVm(Host, devices, (options ?? new GpuVmOptions { Placement = new MigrateAlways() }) with { Thrash = null });
        _vms.Add(vm);
        return [.. devices.Select((device, number) => new RaceGpu(this, vm, number, device))];
    }

    /// <summary>Closes an address space of the GPU now.</summary>
    /// <param name="vm">The address space.</param>
    public void Close(GpuVm vm)
    {
        Assert.True(_vms.Remove(vm));
        vm.Dispose();
    }

    /// <summary>Allocates shared memory; <see cref="Finish"/> frees it.</summary>
    /// <param name="bytes">How much.</param>
    /// <returns>The interval.</returns>
    public AddressRange Allocate(long bytes)
    {
        Assert.Equal(SvmStatus.Done, Host.Allocate(bytes, out AddressRange interval));
        _allocations.Add(interval);
        return interval;
    }

    /// <summary>Leaves an allocation to the test: the program has unmapped some or all of it.</summary>
    /// <param name="interval">The allocation.</param>
    public void Forget(AddressRange interval) => Assert.True(_allocations.Remove(interval));

    /// <summary>The address of a page of an interval.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="page">The page's index.</param>
    /// <returns>The address.</returns>
    public static VirtualAddress PageOf(AddressRange interval, int page) => interval.Start + ((long)page << PageSize.Shift);

    /// <summary>The program stores a number.</summary>
    /// <param name="address">Where.</param>
    /// <param name="value">The number.</param>
    public void Store(VirtualAddress address, long value) => Assert.Equal(SvmStatus.Done, Fixture.CpuWrite(Memory, address, BitConverter.GetBytes(value)));

    /// <summary>The program stores a number before the race begins: nobody has the page in hand any more when this returns.</summary>
    /// <param name="address">Where.</param>
    /// <param name="value">The number.</param>
    public void Put(VirtualAddress address, long value)
    {
        Store(address, value);
        WaitUntilQuiet();
    }

    /// <summary>The program loads a number.</summary>
    /// <param name="address">Where.</param>
    /// <returns>The number.</returns>
    public long Load(VirtualAddress address)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        Assert.Equal(SvmStatus.Done, Fixture.CpuRead(Memory, address, bytes));
        return BitConverter.ToInt64(bytes);
    }

    /// <summary>The program finds in every page its index plus one, as <see cref="RaceGpu.Fill"/> wrote it.</summary>
    /// <param name="interval">The pages of what was filled.</param>
    /// <param name="first">The first page to look at.</param>
    /// <param name="limit">The page to stop at.</param>
    public void AssertFilled(AddressRange interval, int first, int limit)
    {
        for (int page = first; page < limit; page++)
            Assert.Equal(page + 1, Load(PageOf(interval, page)));
    }

    /// <summary>The entry of a page.</summary>
    /// <param name="address">The page.</param>
    /// <returns>A copy.</returns>
    public PageEntry EntryOf(VirtualAddress address)
    {
        var entry = new PageEntry[1];
        Host.ReadEntries(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1), entry);
        return entry[0];
    }

    /// <summary>Does something on a thread that holds nothing of the caller's, and waits for it.</summary>
    /// <param name="action">What.</param>
    public static void OnAnotherThread(Action action) => new ProgramThread(action).Join();

    /// <summary>A program thread stores a number in a page that it cannot have now; it sleeps in its page fault when this returns.</summary>
    /// <param name="address">Where.</param>
    /// <param name="value">The number.</param>
    /// <returns>The thread.</returns>
    public ProgramThread StoreAndSleep(VirtualAddress address, long value)
    {
        long faults = Host.Counters.CpuFaults;
        var thread = new ProgramThread(() => Store(address, value));
        Interleaving.Until(() => Host.Counters.CpuFaults > faults);
        Assert.True(thread.IsRunning);
        return thread;
    }

    /// <summary>The program unmaps an interval; the event is over when this returns.</summary>
    /// <param name="interval">The interval.</param>
    public void Unmap(AddressRange interval) => _watch.WaitFor(MmuEventKind.Unmap, () => Assert.True(Fixture.TryUnmap(Memory, interval)));

    /// <summary>The program gives contents up; the event is over when this returns.</summary>
    /// <param name="interval">The interval.</param>
    public void DontNeed(AddressRange interval) => _watch.WaitFor(MmuEventKind.Clear, () => Assert.True(Fixture.TryDontNeed(Memory, interval)));

    /// <summary>The program maps fresh memory over an interval; the event is over when this returns.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>Whether devices may use the new memory.</returns>
    public bool MapAnew(AddressRange interval)
    {
        bool isShared = false;
        _watch.WaitFor(MmuEventKind.Unmap, () => Assert.True(Fixture.TryMapAnew(Memory, interval, out isShared)));
        return isShared;
    }

    /// <summary>The program moves pages to another address; the event is over when this returns.</summary>
    /// <param name="from">Where they are.</param>
    /// <param name="to">Where they are then.</param>
    /// <returns>Whether devices may use them there.</returns>
    public bool Move(AddressRange from, out AddressRange to)
    {
        bool isShared = false;
        AddressRange target = default;
        _watch.WaitFor(MmuEventKind.Unmap, () => Assert.True(Fixture.TryMove(Memory, from, out target, out isShared)));
        to = target;
        return isShared;
    }

    /// <summary>The program changes what it may do with an interval, on a memory that announces it; the event is over when this returns.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="writable">Whether it may write.</param>
    public void Protect(AddressRange interval, bool writable) =>
        _watch.WaitFor(MmuEventKind.Protection, () => Assert.True(Fixture.TryProtect(Memory, interval, writable)));

    /// <summary>Waits until nobody uses the address space: a service thread lets go a moment after the thread that it has served goes on.</summary>
    public void WaitUntilQuiet() => Interleaving.Until(() => Host.Users == 0);

    /// <summary>Waits until devices have no frames but those of pages: whoever has handled an event gives the frames of dropped pages back a moment after the event's end.</summary>
    public void WaitForFrames() => Interleaving.Until(() => _devices.Sum(device => (long)device.Memory.Pages - device.Memory.FreePages) == Host.AwayPages - Host.ExclusivePages);

    /// <summary>Asserts that no invariant is broken.</summary>
    public void Check()
    {
        Host.WaitForEvents(); // A program goes on from munmap before devices have heard of it.
        WaitUntilQuiet();
        Assert.Empty(InvariantChecker.Check(_vms));
    }

    /// <summary>Ends a test that went well: checks, frees, closes, and looks for leaks.</summary>
    public void Finish()
    {
        SchedulePoint.Install(null);
        Injection.Reset();
        bool isAlive = Host.IsAlive;
        if (isAlive)
            Check();
        foreach (AddressRange interval in _allocations)
            Assert.Equal(isAlive ? SvmStatus.Done : SvmStatus.ProcessGone, Host.Free(interval));
        foreach (GpuVm vm in _vms)
            vm.Dispose();
        foreach (SoftwareGpuDevice device in _devices)
        {
            Interleaving.Until(() => device.Memory.FreePages == device.Memory.Pages); // A service thread may be giving frames back.
            Assert.Equal((0, 0), (device.DmaMapper.LivePages, device.LivePeerPages));
            device.Dispose();
        }

        if (isAlive)
        {
            WaitUntilQuiet();
            Assert.Equal((0L, 0L), (Host.AwayPages, Host.ExclusivePages));
            Fixture.VerifyNoLeaks(Memory);
        }

        Assert.Equal(0, LockOrder.HeldCount);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        SchedulePoint.Install(null);
        Injection.Reset();
        Host.Dispose();
        SpinWait.SpinUntil(() => Host.HasEnded, 5_000); // A test that failed half way may have left a user behind; its message counts, not a hang.
    }
}
