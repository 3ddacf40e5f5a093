// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Device;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Scenarios;

/// <content>What is looked at when all threads have ended, and what pictures show meanwhile.</content>
public sealed partial class ScenarioMachine
{
    private const int MaxLooks = 20;

    /// <inheritdoc/>
    public ScheduleFailure? Check()
    {
        if (_failedBefore is not null)
            return _failedBefore;
        try
        {
            return CheckEnd();
        }
        catch (ScheduleFailedException failed)
        {
            return failed.Failure;
        }
        catch (LockOrderException broken)
        {
            return new ScheduleFailure(ScheduleFailureKind.LockOrder, $"afterwards: {broken.Message}");
        }
        catch (Exception exception)
        {
            return new ScheduleFailure(ScheduleFailureKind.Exception, $"afterwards: {exception}");
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, string State)> Watch()
    {
        var watched = new List<(string, string)>();
        for (int memory = 0; memory < _intervals.Length; memory++)
        {
            for (int page = 0; page < Math.Min(_scenario.Memories[memory].Pages, 8); page++)
                watched.Add(($"{_scenario.Memories[memory].Name}{page}", StateOf(_intervals[memory].Start + ((long)page << PageSize.Shift))));
        }

        var everything = new AddressRange(default, new VirtualAddress(1UL << 48));
        watched.Add(("seq", _host.PeekSequence.ToString(CultureInfo.InvariantCulture)));
        for (int number = 0; _vm.Mirror.PeekNotifier(everything) is { } notifier; number++)
        {
            watched.Add(($"window {number}", notifier.Subscription.Sequence.ToString(CultureInfo.InvariantCulture)));
            everything = new AddressRange(notifier.Interval.End, everything.End);
        }

        return watched;
    }

    /// <summary>Forgets what invariants have recorded so far: they do so for the whole process.</summary>
    public static void ForgetViolations() => InvariantRecord.TakeInto([]);

    /// <summary>Looks at everything.</summary>
    /// <returns>What is wrong, or null.</returns>
    private ScheduleFailure? CheckEnd()
    {
        if (!Volatile.Read(ref _hasExited)) // Pairs with Exit.
        {
            Injection.Reset();
            LetEventsEnd();
            _unsettled.ForEach(open => open.Cell.End(open.Zero, Interlocked.Increment(ref _now)));
            RunAll(_scenario.After, -1);
            if (FindViolation() is { } violation)
                return new ScheduleFailure(ScheduleFailureKind.Invariant, violation);
            foreach (((int Memory, int Page, int Cell) place, CellHistory cell) in _cells)
                CheckCell(place, cell);
            if (_scenario.Options.ClosesFirst)
                CloseFirst();
            foreach (AddressRange interval in _intervals)
                _memory.Unmap(interval);
            LetEventsEnd();
            _memory.Settle();
        }

        while (_uses.Count > 0)
            PutPagemap();
        if (_host.Users != 0)
            return Leak($"{_host.Users} uses of the address space"); // Its end would wait for them.
        _vm.Dispose();
        if (_memory.IsConcurrent)
            Core.Pagemaps.DeferredWork.Flush();
        foreach (SimulatedGpu gpu in _gpus)
        {
            if (gpu.Memory.FreePages != gpu.Memory.Pages)
                return Leak($"{gpu.Memory.Pages - gpu.Memory.FreePages} pages of {gpu.Name}");
            if (gpu.DmaMapper.LivePages != 0)
                return Leak($"{gpu.DmaMapper.LivePages} DMA mappings of {gpu.Name}");
            if (gpu.LivePeerPages != 0)
                return Leak($"{gpu.LivePeerPages} pages of {gpu.Name} that peers have mapped");
        }

        if (_host.AwayPages != 0)
            return Leak($"{_host.AwayPages} entries of pages that are mapped no more");
        if (!_hasExited)
            _memory.VerifyNoLeaks();
        foreach (SimulatedGpu gpu in _gpus)
            gpu.Dispose();
        _spare.Dispose();
        _host.Dispose();
        Core.Pagemaps.DeferredWork.Flush();
        var late = new List<string>();
        InvariantRecord.TakeInto(late);
        return late.Count > 0 ? new ScheduleFailure(ScheduleFailureKind.Invariant, late[0]) : null;
    }

    /// <summary>Closes the VM while its memory is mapped: all bytes are the CPU's afterwards.</summary>
    /// <exception cref="ScheduleFailedException">Some are not.</exception>
    private void CloseFirst()
    {
        _vm.Dispose();
        foreach (((int Memory, int Page, int Cell) place, CellHistory cell) in _cells)
            CheckCell(place, cell);
    }

    /// <summary>Looks for a broken invariant.</summary>
    /// <returns>The first; null if all hold.</returns>
    private string? FindViolation()
    {
        _memory.Settle();
        string? violation = null;
        for (int look = 0; look == 0 || (violation is not null && _memory.IsConcurrent && look < MaxLooks); look++)
        {
            if (look > 0)
                Thread.Sleep(1); // A fault that was served twice may be under way although whoever touched has gone on: what it breaks for a moment only is not broken.
            violation = InvariantChecker.Check(_vm) is [var first, ..] ? first : null;
        }

        return violation;
    }

    /// <summary>Says that something was not given back.</summary>
    /// <param name="what">What.</param>
    /// <returns>The failure.</returns>
    private static ScheduleFailure Leak(string what) => new(ScheduleFailureKind.Leak, $"{what} were not given back");

    /// <summary>Reads a number at the end, if its page can be read.</summary>
    /// <param name="place">Where it is.</param>
    /// <param name="cell">Its history.</param>
    /// <exception cref="ScheduleFailedException">It is not what was written last.</exception>
    private void CheckCell((int Memory, int Page, int Cell) place, CellHistory cell)
    {
        LetGuaranteesEnd();
        long start = Interlocked.Increment(ref _now);
        long value = 0;
        VirtualAddress address = _intervals[place.Memory].Start + ((long)place.Page << PageSize.Shift) + (place.Cell * sizeof(long));
        SvmStatus status = _memory.CpuRead(address, MemoryMarshal.AsBytes(new Span<long>(ref value)));
        if (status.IsDone() && cell.Judge(value, start, Interlocked.Increment(ref _now)) is { } wrong)
            throw new ScheduleFailedException(new ScheduleFailure(ScheduleFailureKind.LostByte, $"at the end, number {place.Cell} of page {_scenario.Memories[place.Memory].Name}{place.Page}: {wrong}"));
    }

    /// <summary>What a picture says of a page: where its bytes are, and what devices have mapped.</summary>
    /// <param name="page">The page.</param>
    /// <returns>A few words.</returns>
    private string StateOf(VirtualAddress page)
    {
        Core.Host.PageEntry entry = _host.PeekEntry(page);
        string place = entry.IsDevice ? $"GPU {PagemapNumber(entry.Pagemap)} frame {entry.Frame.Number}" : entry.IsExclusive ? "exclusive" : "RAM";
        string state = place + (entry.IsMigrating ? ", moving" : string.Empty) + (entry.HasWaiter ? ", awaited" : string.Empty) + (entry.IsDropped ? ", dropped" : string.Empty);
        foreach (SimulatedGpu gpu in _gpus)
        {
            DeviceAddress mapping = ((SimulatedPageTable)_vm.Devices[gpu.Number].PageTable).Peek(page);
            if (mapping.IsPresent)
                state += $"; GPU {gpu.Number} maps {(mapping.Protocol == AddressProtocol.LocalMemory ? $"frame {mapping.Frame.Number}" : mapping.Protocol == AddressProtocol.Peer ? "a peer" : "RAM")}{(mapping.IsWritable ? " rw" : " r")}";
        }

        return state;
    }

    /// <summary>The device whose pagemap has an index.</summary>
    /// <param name="pagemap">The index.</param>
    /// <returns>The device's number.</returns>
    private int PagemapNumber(int pagemap)
    {
        foreach (Core.Vm.VmDevice device in _vm.Devices)
        {
            if (device.Pagemap.Index == pagemap)
                return device.Index;
        }

        return -1;
    }
}
