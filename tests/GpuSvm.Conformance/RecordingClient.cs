// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>
/// The smallest client that a host memory can have: it takes pages away into private arrays, brings them back when the CPU touches them, populates what was
/// never there, and writes down what it was told.
/// </summary>
/// <remarks>
/// Locking: the gate guards all fields. Detach, Populate and WriteProtect are called with the gate held, so that no event changes a page in between; they
/// answer Retry rather than wait. Attach waits for pending events, so it is called without the gate, with the block marked as moving.
/// </remarks>
public sealed class RecordingClient : IHostMemoryClient
{
    private readonly object _gate = new();
    private readonly Dictionary<ulong, AwayBlock> _away = [];
    private readonly List<RecordedFault> _faults = [];
    private readonly List<RecordedEvent> _events = [];
    private readonly IHostMemory _memory;
    private bool _isGateOpen;
    private bool _holdsFaults;

    /// <summary>Makes the client and connects it.</summary>
    /// <param name="memory">The memory to serve.</param>
    public RecordingClient(IHostMemory memory)
    {
        _memory = memory;
        memory.Connect(this);
    }

    /// <summary>Whether blocks are attached writable; otherwise the first write after an attach faults again.</summary>
    public bool AttachesWritable { get; set; } = true;

    /// <summary>Every fault so far, in order.</summary>
    public IReadOnlyList<RecordedFault> Faults
    {
        get
        {
            lock (_gate)
                return [.. _faults];
        }
    }

    /// <summary>Every event so far, in order.</summary>
    public IReadOnlyList<RecordedEvent> Events
    {
        get
        {
            lock (_gate)
                return [.. _events];
        }
    }

    /// <summary>Whether a page is away.</summary>
    /// <param name="address">An address in it.</param>
    /// <returns>True between moving away and the end of the way back.</returns>
    public bool IsAway(VirtualAddress address)
    {
        lock (_gate)
            return _away.ContainsKey(address.PageNumber);
    }

    /// <summary>From now on every fault is answered with Busy, as if a migration held its page.</summary>
    public void HoldFaults()
    {
        lock (_gate)
            _holdsFaults = true;
    }

    /// <summary>Faults are served again; those that were held try again.</summary>
    /// <param name="interval">The pages to wake.</param>
    public void ServeFaults(AddressRange interval)
    {
        lock (_gate)
            _holdsFaults = false;
        _memory.Wake(interval);
    }

    /// <summary>Waits until a fault or an event has made something true.</summary>
    /// <param name="condition">Asked with the gate held.</param>
    /// <param name="what">What is waited for, for the message.</param>
    public void WaitUntil(Func<IReadOnlyList<RecordedFault>, IReadOnlyList<RecordedEvent>, bool> condition, string what)
    {
        long deadline = Environment.TickCount64 + 30_000;
        lock (_gate)
        {
            while (!condition(_faults, _events))
            {
                int left = (int)(deadline - Environment.TickCount64);
                if (left <= 0 || !Monitor.Wait(_gate, left))
                    Assert.Fail($"Waited 30 seconds in vain for: {what}.");
            }
        }
    }

    /// <summary>Takes pages away from the CPU.</summary>
    /// <param name="interval">An aligned power of two of pages.</param>
    /// <returns><see cref="SvmStatus.Done"/>, what <see cref="IHostMemory.Detach"/> answered, <see cref="SvmStatus.Busy"/> if one is away already, or
    /// <see cref="SvmStatus.OutOfHostMemory"/> without staging.</returns>
    public SvmStatus MoveAway(AddressRange interval)
    {
        for (int round = 0; round < 100_000; round++)
        {
            if (_memory.AcquireStaging(interval, forAttach: false) is not { } staging)
                return SvmStatus.OutOfHostMemory;
            SvmStatus status = TakeAway(interval, staging);
            _memory.ReleaseStaging(staging);
            if (status == SvmStatus.Retry)
            {
                Thread.Yield();
                continue;
            }

            _memory.Wake(interval);
            return status;
        }

        return SvmStatus.TimedOut;
    }

    /// <summary>Brings the block back that holds a page.</summary>
    /// <param name="address">An address of a page that is away.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Busy"/> if another thread moves it; <see cref="SvmStatus.NotMapped"/> if it is not away;
    /// <see cref="SvmStatus.OutOfHostMemory"/> without staging; <see cref="SvmStatus.Unmapped"/> if nothing of it could come back.</returns>
    public SvmStatus BringBack(VirtualAddress address)
    {
        AwayBlock? block;
        lock (_gate)
        {
            if (!_away.TryGetValue(address.PageNumber, out block))
                return SvmStatus.NotMapped;
            if (block.IsMoving)
                return SvmStatus.Busy;
            block.IsMoving = true;
        }

        return BringBack(block);
    }

    /// <summary>Brings back whatever is away, for the end of a test.</summary>
    public void BringAllBack()
    {
        while (true)
        {
            AwayBlock block;
            lock (_gate)
            {
                if (_away.Count == 0)
                    return;
                block = _away.Values.First();
            }

            SvmStatus status = BringBack(block.Interval.Start);
            Assert.True(status is SvmStatus.Done or SvmStatus.Busy or SvmStatus.NotMapped or SvmStatus.Unmapped, $"BringBack answered {status}.");
        }
    }

    /// <summary>Forgets pages that the test itself has brought back, freed or given up.</summary>
    /// <param name="interval">The pages.</param>
    public void Forget(AddressRange interval)
    {
        lock (_gate)
            DropAway(interval);
    }

    /// <summary>The device changes bytes of a page that is away.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">The bytes, within one page.</param>
    public void DeviceWrite(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        lock (_gate)
        {
            AwayBlock block = _away[address.PageNumber];
            byte[] page = block.Pages[block.Interval.PageIndexOf(address)] ??= new byte[PageSize.Bytes];
            source.CopyTo(page.AsSpan((int)(address.Value % PageSize.Bytes)));
        }
    }

    /// <summary>What the device reads of a page that is away.</summary>
    /// <param name="address">An address in the page.</param>
    /// <returns>A copy of its 4096 bytes; zeroes for a hole.</returns>
    public byte[] DevicePage(VirtualAddress address)
    {
        lock (_gate)
        {
            AwayBlock block = _away[address.PageNumber];
            return block.Pages[block.Interval.PageIndexOf(address)]?.AsSpan().ToArray() ?? new byte[PageSize.Bytes];
        }
    }

    /// <inheritdoc/>
    public SvmStatus CpuFault(VirtualAddress address, MemoryAccess access)
    {
        AwayBlock? block;
        lock (_gate)
        {
            _faults.Add(new RecordedFault(address, access));
            Monitor.PulseAll(_gate);
            if (_holdsFaults)
                return SvmStatus.Busy;
            if (!_away.TryGetValue(address.PageNumber, out block))
                return MakeUsable(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1), access);
            if (block.IsMoving)
                return SvmStatus.Busy;
            block.IsMoving = true;
        }

        SvmStatus status = BringBack(block);
        return status == SvmStatus.Unmapped ? SvmStatus.Done : status; // The access finds out for itself that the mapping is gone.
    }

    /// <inheritdoc/>
    public void EnterEventGate()
    {
        Monitor.Enter(_gate);
        _isGateOpen = true;
    }

    /// <inheritdoc/>
    public void LeaveEventGate()
    {
        _isGateOpen = false;
        Monitor.PulseAll(_gate);
        Monitor.Exit(_gate);
    }

    /// <inheritdoc/>
    public void Unmapped(AddressRange interval) => Drop(interval, isUnmap: true);

    /// <inheritdoc/>
    public void Discarded(AddressRange interval) => Drop(interval, isUnmap: false);

    /// <inheritdoc/>
    /// <remarks>Nothing is mapped for a device here.</remarks>
    public void ProtectionChanged(AddressRange interval)
    {
    }

    /// <inheritdoc/>
    public void Remapped(AddressRange from, AddressRange to) =>
        throw new InvalidOperationException("This client keeps pages by their address and cannot follow them.");

    /// <summary>Notes an event and gives up the contents of the pages concerned.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="isUnmap">Unmapped, or else discarded.</param>
    private void Drop(AddressRange interval, bool isUnmap)
    {
        lock (_gate)
        {
            _events.Add(new RecordedEvent(isUnmap, interval, _isGateOpen));
            DropAway(interval);
        }
    }

    /// <summary>Gives up the contents of pages that are away; the rest of their blocks is kept. Locking: the gate is held.</summary>
    /// <param name="interval">The pages.</param>
    private void DropAway(AddressRange interval)
    {
        foreach (ulong page in _away.Keys.Where(page => interval.Contains(VirtualAddress.OfPage(page))).ToArray())
        {
            AwayBlock block = _away[page];
            block.Dropped[block.Interval.PageIndexOf(VirtualAddress.OfPage(page))] = true;
            if (!block.IsMoving)
                _away.Remove(page);
        }
    }

    /// <summary>Serves a fault on a page that is not away. Locking: the gate is held, so nobody takes the page meanwhile.</summary>
    /// <param name="page">The page.</param>
    /// <param name="access">What the thread wants.</param>
    /// <returns>What the memory answered.</returns>
    private SvmStatus MakeUsable(AddressRange page, MemoryAccess access)
    {
        Span<HostPage> state = stackalloc HostPage[1];
        SvmStatus status = _memory.Query(page, state);
        if (!status.IsDone())
            return status;
        bool isProtected = access == MemoryAccess.Write && state[0].IsPresent && !state[0].IsWritable && !state[0].IsZero;
        return isProtected ? _memory.WriteProtect(page, protect: false) : _memory.Populate(page, access);
    }

    /// <summary>Detaches pages and copies them into a private block.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="staging">An empty staging block for them.</param>
    /// <returns>What <see cref="IHostMemory.Detach"/> answered; nothing has changed unless done.</returns>
    private SvmStatus TakeAway(AddressRange interval, HostStaging staging)
    {
        var block = new AwayBlock(interval);
        lock (_gate)
        {
            for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
            {
                if (_away.ContainsKey(page))
                    return SvmStatus.Busy;
            }

            SvmStatus status = _memory.Detach(interval, staging);
            if (!status.IsDone())
                return status;
            for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
                _away.Add(page, block);
        }

        for (int i = 0; i < block.Pages.Length; i++)
        {
            if (!staging.IsPresent(i))
                continue;
            byte[] bytes = new byte[PageSize.Bytes];
            DmaBytes.Read(staging.Pointer + ((long)i << PageSize.Shift), bytes);
            block.Pages[i] = bytes;
        }

        lock (_gate)
        {
            block.IsMoving = false;
            Remove(block, droppedOnly: true);
        }

        return SvmStatus.Done;
    }

    /// <summary>Copies a block back and attaches it.</summary>
    /// <param name="block">The block, marked as moving by this thread.</param>
    /// <returns>As <see cref="BringBack(VirtualAddress)"/>.</returns>
    private SvmStatus BringBack(AwayBlock block)
    {
        if (_memory.AcquireStaging(block.Interval, forAttach: true) is not { } staging)
        {
            lock (_gate)
            {
                block.IsMoving = false;
                Remove(block, droppedOnly: true);
            }

            _memory.Wake(block.Interval);
            return SvmStatus.OutOfHostMemory;
        }

        for (int i = 0; i < block.Pages.Length; i++)
        {
            staging.SetPresent(i, 1, block.Pages[i] is not null);
            if (block.Pages[i] is { } bytes)
                DmaBytes.Write(staging.Pointer + ((long)i << PageSize.Shift), bytes);
        }

        SvmStatus status = AttachRuns(block, staging);
        lock (_gate)
            Remove(block, droppedOnly: false);
        _memory.ReleaseStaging(staging);
        _memory.Wake(block.Interval);
        return status;
    }

    /// <summary>Attaches what was not dropped: all at once if possible, page by page where a part is gone.</summary>
    /// <param name="block">The block.</param>
    /// <param name="staging">Its bytes.</param>
    /// <returns><see cref="SvmStatus.Done"/> if any page came back or none had to, else the last answer.</returns>
    private SvmStatus AttachRuns(AwayBlock block, HostStaging staging)
    {
        SvmStatus whole = block.Dropped.Contains(true) ? SvmStatus.Unmapped : _memory.Attach(block.Interval, staging, AttachesWritable);
        if (whole != SvmStatus.Unmapped)
            return whole;
        SvmStatus last = SvmStatus.Unmapped;
        for (int i = 0; i < block.Pages.Length; i++)
        {
            bool isDropped;
            lock (_gate)
                isDropped = block.Dropped[i];
            if (isDropped)
                continue;
            SvmStatus status = _memory.Attach(AddressRange.OfPages(block.Interval.Start + ((long)i << PageSize.Shift), 1), staging, AttachesWritable);
            last = last.IsDone() ? last : status;
        }

        return last;
    }

    /// <summary>Forgets a block; a page of it that was dropped may be another block's by now and stays that one's. Locking: the gate is held.</summary>
    /// <param name="block">The block.</param>
    /// <param name="droppedOnly">Only the pages that were dropped while it moved.</param>
    private void Remove(AwayBlock block, bool droppedOnly)
    {
        for (int i = 0; i < block.Dropped.Length; i++)
        {
            ulong page = block.Interval.Start.PageNumber + (ulong)i;
            if ((block.Dropped[i] || !droppedOnly) && _away.TryGetValue(page, out AwayBlock? holder) && holder == block)
                _away.Remove(page);
        }
    }
}
