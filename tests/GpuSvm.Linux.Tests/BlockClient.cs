// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Linux.Tests;

/// <summary>
/// A small client with a device: one allocation, cut into blocks of one order; each block is at home, away in private memory, or moving. Serves
/// faults
/// without allocating.
/// </summary>
/// <remarks>Locking: the gate guards states and is held over Detach and Populate, never over Attach.</remarks>
internal sealed unsafe class BlockClient : IHostMemoryClient, IDisposable
{
    private const int Home = 0;
    private const int Away = 1;
    private const int Moving = 2;

    private readonly object _gate = new();
    private UserfaultHostMemory _memory = null!;
    private AddressRange _interval;
    private PageOrder _order;
    private int[] _states = [];
    private ulong[] _holes = [];
    private byte* _device;
    private long _lastAllocated = -1;

    /// <summary>What a fault on a block at home is answered with instead of being served; null: serve it.</summary>
    public SvmStatus? Refusal { get; set; }

    /// <summary>Called on the service thread before a refusal is answered, the gate not held.</summary>
    public Action? BeforeRefusal { get; set; }

    /// <summary>Called on the service thread before an away block is brought back.</summary>
    public Action? BeforeBringBack { get; set; }

    /// <summary>Faults so far.</summary>
    public int Faults;

    /// <summary>Blocks brought back by faults so far.</summary>
    public int BroughtBack;

    /// <summary>Bytes that service threads allocated between two faults, the largest.</summary>
    public long LargestAllocation;

    /// <summary>Intervals announced as discarded.</summary>
    public List<AddressRange> DiscardedIntervals { get; } = [];

    /// <summary>Intervals announced as unmapped.</summary>
    public List<AddressRange> UnmappedIntervals { get; } = [];

    /// <summary>Events that came outside the gate.</summary>
    public int EventsOutsideGate;

    private bool _isGateHeld;

    /// <summary>Connects a memory and allocates.</summary>
    /// <param name="memory">Fresh.</param>
    /// <param name="order">The blocks' order.</param>
    /// <param name="bytes">A multiple of the block size; rounded up to 2 MiB so that blocks are aligned.</param>
    /// <returns>The allocation.</returns>
    public AddressRange Start(UserfaultHostMemory memory, PageOrder order, long bytes)
    {
        _memory = memory;
        _order = order;
        memory.Connect(this);
        Assert.Equal(SvmStatus.Done, memory.Allocate(Math.Max(bytes, PageSize.HugeBytes), out _interval));
        _states = new int[_interval.Bytes / order.Bytes];
        _holes = new ulong[_interval.Pages / 64];

        // SAFETY: freed in Dispose; as large as the allocation.
        _device = (byte*)NativeMemory.AlignedAlloc((nuint)_interval.Bytes, PageSize.Bytes);
        return _interval;
    }

    /// <summary>Takes a block away.</summary>
    /// <param name="block">Its number.</param>
    /// <returns>What came of it; Busy if it is not at home.</returns>
    public SvmStatus MoveAway(int block)
    {
        AddressRange interval = BlockInterval(block);
        HostStaging staging = _memory.AcquireStaging(interval, forAttach: false) ?? throw new InvalidOperationException("no staging");
        SvmStatus status;
        lock (_gate)
        {
            status = _states[block] == Home ? _memory.Detach(interval, staging) : SvmStatus.Busy;
            if (status == SvmStatus.Done)
                _states[block] = Moving;
        }

        if (status == SvmStatus.Done)
        {
            byte* device = _device + (interval.Start - _interval.Start);
            for (int page = 0; page < _order.Pages;)
            {
                int run = staging.RunLength(page, _order.Pages);
                SetHoles(interval, page, run, !staging.IsPresent(page));
                if (staging.IsPresent(page)) // SAFETY: both are private memory, of the block's size.
                    Buffer.MemoryCopy((byte*)staging.Pointer.Value + ((long)page << PageSize.Shift), device + ((long)page << PageSize.Shift), (long)run << PageSize.Shift, (long)run << PageSize.Shift);
                page += run;
            }

            SetState(block, Away);
        }

        _memory.ReleaseStaging(staging);
        if (status == SvmStatus.Done)
            _memory.Wake(interval);
        return status;
    }

    /// <summary>Takes a block away as soon as the thread that brought it home, and woke the program first, has done with it.</summary>
    /// <param name="block">Its number.</param>
    public void MoveAwayWhenHome(int block)
    {
        long deadline = Environment.TickCount64 + 30_000;
        SvmStatus status;
        while ((status = MoveAway(block)) == SvmStatus.Busy && Environment.TickCount64 < deadline)
            Thread.Yield();
        Assert.Equal(SvmStatus.Done, status);
    }

    /// <summary>Brings a block back if it is away.</summary>
    /// <param name="block">Its number.</param>
    /// <returns>Done; Busy if it is moving.</returns>
    public SvmStatus BringBack(int block)
    {
        lock (_gate)
        {
            if (_states[block] != Away)
                return _states[block] == Home ? SvmStatus.Done : SvmStatus.Busy;
            _states[block] = Moving;
        }

        return BringBackMoving(block);
    }

    /// <summary>Adds to a 64-bit number of a block that is away, as the device's kernel would.</summary>
    /// <param name="block">Its number.</param>
    /// <param name="offset">Bytes from its start.</param>
    /// <param name="times">How often.</param>
    /// <returns>False if it is not away.</returns>
    public bool DeviceIncrement(int block, long offset, int times)
    {
        lock (_gate)
        {
            if (_states[block] != Away)
                return false;

            // SAFETY: inside the block. A hole becomes a page of zeroes when the device writes there.
            AddressRange interval = BlockInterval(block);
            byte* page = _device + (interval.Start - _interval.Start) + (offset & ~(PageSize.Bytes - 1L));
            if (IsHole(_interval.PageIndexOf(interval.Start + offset)))
            {
                NativeMemory.Clear(page, PageSize.Bytes);
                SetHoles(interval, (int)(offset >> PageSize.Shift), 1, hole: false);
            }

            *(ulong*)(page + (offset & (PageSize.Bytes - 1))) += (ulong)times;
            return true;
        }
    }

    /// <inheritdoc/>
    public SvmStatus CpuFault(VirtualAddress address, MemoryAccess access)
    {
        Interlocked.Increment(ref Faults);
        NoteAllocations();
        int block = (int)((address - _interval.Start) / _order.Bytes);
        SvmStatus? refusal = Refusal;
        if (refusal is not null)
            BeforeRefusal?.Invoke();
        lock (_gate)
        {
            if (refusal is not null && _states[block] == Home)
                return refusal.Value;
            if (_states[block] == Moving)
                return SvmStatus.Busy;
            if (_states[block] == Home)
                return _memory.Populate(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1), access); // Lifts protection too.

            _states[block] = Moving;
        }

        BeforeBringBack?.Invoke();
        SvmStatus back = BringBackMoving(block);
        Interlocked.Increment(ref BroughtBack);
        return back;
    }

    /// <inheritdoc/>
    public void EnterEventGate()
    {
        Monitor.Enter(_gate);
        _isGateHeld = true;
    }

    /// <inheritdoc/>
    public void LeaveEventGate()
    {
        _isGateHeld = false;
        Monitor.PulseAll(_gate);
        Monitor.Exit(_gate);
    }

    /// <inheritdoc/>
    public void Unmapped(AddressRange interval) => Note(UnmappedIntervals, interval);

    /// <inheritdoc/>
    public void Discarded(AddressRange interval) => Note(DiscardedIntervals, interval);

    /// <inheritdoc/>
    /// <remarks>Nothing is mapped for a device here.</remarks>
    public void ProtectionChanged(AddressRange interval)
    {
    }

    /// <inheritdoc/>
    public void Remapped(AddressRange from, AddressRange to) =>
        throw new InvalidOperationException("This client keeps pages by their address and cannot follow them.");

    /// <summary>Waits, at most 30 seconds, until an event has made something true.</summary>
    /// <param name="condition">Asked with the gate held.</param>
    public void WaitFor(Func<bool> condition)
    {
        long deadline = Environment.TickCount64 + 30_000;
        lock (_gate)
        {
            while (!condition())
                Assert.True(Environment.TickCount64 < deadline && Monitor.Wait(_gate, 30_000), "waited in vain for an event");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        NativeMemory.AlignedFree(_device);
    }

    /// <summary>Copies a block back and attaches it. The block is marked as moving by this thread.</summary>
    private SvmStatus BringBackMoving(int block)
    {
        AddressRange interval = BlockInterval(block);
        HostStaging staging = _memory.AcquireStaging(interval, forAttach: true) ?? throw new InvalidOperationException("no staging");
        byte* device = _device + (interval.Start - _interval.Start);
        int first = _interval.PageIndexOf(interval.Start);
        for (int page = 0; page < _order.Pages; page++)
        {
            if (IsHole(first + page))
                staging.SetPresent(page, 1, present: false);
        }

        Buffer.MemoryCopy(device, (void*)staging.Pointer.Value, _order.Bytes, _order.Bytes); // SAFETY: both are private memory, of the block's size.
        SvmStatus status = _memory.Attach(interval, staging, writable: true);
        SetState(block, status == SvmStatus.Done ? Home : Away);
        _memory.ReleaseStaging(staging);
        _memory.Wake(interval);
        return status;
    }

    /// <summary>Notes what a service thread allocated since its last fault.</summary>
    private void NoteAllocations()
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        if (_lastAllocated >= 0)
            LargestAllocation = Math.Max(LargestAllocation, allocated - _lastAllocated);
        _lastAllocated = allocated;
    }

    /// <summary>Notes an event.</summary>
    private void Note(List<AddressRange> list, AddressRange interval)
    {
        list.Add(interval);
        if (!_isGateHeld || !Monitor.IsEntered(_gate))
            EventsOutsideGate++;
    }

    /// <summary>A block's interval.</summary>
    private AddressRange BlockInterval(int block) => AddressRange.OfBytes(_interval.Start + (block * _order.Bytes), _order.Bytes);

    /// <summary>Changes a block's state.</summary>
    private void SetState(int block, int state)
    {
        lock (_gate)
            _states[block] = state;
    }

    /// <summary>Whether a page of the allocation was a hole when it went away.</summary>
    private bool IsHole(int page) => (_holes[page >> 6] >> (page & 63) & 1) != 0;

    /// <summary>Notes which pages of a block were holes.</summary>
    private void SetHoles(AddressRange interval, int page, int run, bool hole)
    {
        int first = _interval.PageIndexOf(interval.Start) + page;
        lock (_gate)
        {
            for (int i = first; i < first + run; i++)
                _holes[i >> 6] = hole ? _holes[i >> 6] | (1UL << (i & 63)) : _holes[i >> 6] & ~(1UL << (i & 63));
        }
    }
}
