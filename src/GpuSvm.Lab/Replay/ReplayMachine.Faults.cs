// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Replay;

/// <content>What an access does whose translation is not at hand.</content>
public sealed partial class ReplayMachine
{
    private const int MostRounds = 100_000; // Of one fault that is put back again and again.
    private const long ThrottlePicoseconds = 50_000_000; // What passes before a fault that was held back is looked at again.

    /// <summary>Finds a device's translation of a page, by a fault if need be, and remembers it.</summary>
    /// <param name="page">The page.</param>
    /// <param name="device">The device.</param>
    /// <param name="kind">What it wants to do.</param>
    /// <returns>What it may do.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private TranslationMark Translate(ulong page, int device, MemoryAccess kind)
    {
        Settle();
        VirtualAddress address = VirtualAddress.OfPage(page);
        ReplayPageTable table = _devices[device].PageTable!;
        DeviceAddress found = table.Lookup(address);
        if (!Permits(found, kind))
        {
            SvmStatus status = Fault(page, device, kind);
            found = table.Lookup(address);
            // An atomic on memory that stays in RAM, where the handler says that this will do, is one.
            if (status == SvmStatus.Done && !Permits(found, kind == MemoryAccess.Atomic ? MemoryAccess.Write : kind))
                throw new InvalidOperationException($"A fault at {address} was served and has left no translation for a {kind}.");
            if (status != SvmStatus.Done)
            {
                Fail(page, TraceAgent.Device(device), kind, status);
                return TranslationMark.None;
            }
        }

        return Remember(page, device, kind, found);
    }

    /// <summary>Keeps a translation at hand.</summary>
    /// <param name="page">The page.</param>
    /// <param name="device">The device.</param>
    /// <param name="kind">What it has just been allowed to do.</param>
    /// <param name="found">The translation.</param>
    /// <returns>What it may do.</returns>
    private TranslationMark Remember(ulong page, int device, MemoryAccess kind, DeviceAddress found)
    {
        ReplayBlock block = _blocks.Of(page);
        int index = ReplayBlocks.IndexOf(page);
        ref TranslationMark mark = ref block.Translations[(device * PageSize.PagesPerHuge) + index];
        if (mark == TranslationMark.None)
            _clock.Charge(ReplayCost.PageWalk, _walk);
        mark = TranslationMark.Used | TranslationMark.Reads
            | (found.IsWritable ? TranslationMark.Writes : TranslationMark.None)
            | (found.AllowsAtomics || kind == MemoryAccess.Atomic ? TranslationMark.Atomics : TranslationMark.None)
            | (found.Protocol == AddressProtocol.LocalMemory ? TranslationMark.None : TranslationMark.Remote);
        if (found.Protocol == AddressProtocol.LocalMemory)
        {
            _devices[device].Memory.Use(found.Frame, page);
            _statistics.Used(ref block.Pages[index]);
        }

        Touch(ref block.Pages[index]);
        return mark;
    }

    /// <summary>Counts a page's first access.</summary>
    /// <param name="mark">The page's mark.</param>
    private void Touch(ref PageMark mark)
    {
        if ((mark & PageMark.Touched) != 0)
            return;
        mark |= PageMark.Touched;
        _blocks.TouchedPages++;
    }

    /// <summary>Has a device's fault served.</summary>
    /// <param name="page">The faulting page.</param>
    /// <param name="device">The device.</param>
    /// <param name="kind">What it wants to do.</param>
    /// <returns>What became of it: never busy.</returns>
    private SvmStatus Fault(ulong page, int device, MemoryAccess kind)
    {
        ChargeFault();
        _decisions?.Begin(page);
        SvmStatus status = Serve(page, device, kind);
        _decisions?.End();
        if (kind == MemoryAccess.Atomic)
            _blocks.DropCpu(VirtualAddress.OfPage(page).Block(PageOrder.Huge)); // What the device has for itself alone now is told in no event where nobody had it before.
        return status;
    }

    /// <summary>Calls the handler until it has decided.</summary>
    /// <param name="page">The faulting page.</param>
    /// <param name="device">The device.</param>
    /// <param name="kind">What it wants to do.</param>
    /// <returns>What became of it: never busy.</returns>
    private SvmStatus Serve(ulong page, int device, MemoryAccess kind)
    {
        var fault = new GpuFault(VirtualAddress.OfPage(page), kind, 0, 0, 0);
        bool isMapped = false;
        for (int round = 0; round < MostRounds; round++)
        {
            SvmStatus status = _vm.FaultHandler.Handle(fault, device);
            Drain(page);
            if (status == SvmStatus.NotMapped && !isMapped)
            {
                isMapped = true;
                MapAround(page);
                continue;
            }

            if (status != SvmStatus.Busy)
                return status;
            _clock.Charge(ReplayCost.Throttle, ThrottlePicoseconds); // Nobody else runs here, so only time can help.
        }

        throw new InvalidOperationException($"The fault at {fault.Address} is put back again and again.");
    }

    /// <summary>Counts a fault, and charges it: with others of its batch where it comes soon enough.</summary>
    private void ChargeFault()
    {
        _deviceFaults++;
        bool joins = _batchFaults > 0 && _batchFaults < _model.BatchFaults && _accesses - _batchStart < _model.InFlightAccesses;
        double nanoseconds = _model.FaultHandlingNanoseconds;
        if (joins)
        {
            _batchFaults++;
        }
        else
        {
            _batches++;
            (_batchStart, _batchFaults) = (_accesses, 1);
            nanoseconds += _model.FaultNanoseconds;
        }

        _clock.Charge(ReplayCost.DeviceFault, (long)(nanoseconds * VirtualClock.PicosecondsPerNanosecond));
    }

    /// <summary>Lets a CPU thread touch a page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="kind">How.</param>
    private void TouchAsCpu(ulong page, MemoryAccess kind)
    {
        Settle();
        _decisions?.Begin(page);
        SvmStatus status = AccessAsCpu(page, kind);
        if (status == SvmStatus.NotMapped)
        {
            MapAround(page);
            status = AccessAsCpu(page, kind);
        }

        _decisions?.End();

        ref PageMark mark = ref _blocks.Of(page).Pages[ReplayBlocks.IndexOf(page)];
        if (status != SvmStatus.Done)
        {
            Fail(page, TraceAgent.Cpu(), kind, status);
            return;
        }

        mark |= kind == MemoryAccess.Read ? PageMark.CpuReads : PageMark.CpuReads | PageMark.CpuWrites;
        Touch(ref mark);
    }

    /// <summary>One access of a CPU thread, with the faults that Core serves for it.</summary>
    /// <param name="page">The page.</param>
    /// <param name="kind">How.</param>
    /// <returns>As of the memory.</returns>
    private SvmStatus AccessAsCpu(ulong page, MemoryAccess kind)
    {
        VirtualAddress address = VirtualAddress.OfPage(page);
        Span<byte> one = stackalloc byte[1];
        long before = _statistics.CpuFaults;
        SvmStatus status = kind == MemoryAccess.Read ? _memory.CpuRead(address, one) : _memory.CpuWrite(address, one);
        Drain(null);
        _clock.Charge(ReplayCost.CpuFault, (long)((_statistics.CpuFaults - before) * _model.CpuFaultNanoseconds * VirtualClock.PicosecondsPerNanosecond));
        return status;
    }

    /// <summary>Maps the 2 MiB around a page, or where something of it is mapped the page alone.</summary>
    /// <param name="page">The page, not mapped.</param>
    private void MapAround(ulong page)
    {
        VirtualAddress address = VirtualAddress.OfPage(page);
        AddressRange block = address.Block(PageOrder.Huge);
        bool isFree = !_memory.TryFindMapping(block.Start, out var next) || next.Interval.Start >= block.End;
        SvmStatus status = isFree ? _memory.Map(block.Start, block.Bytes) : _memory.Map(address, PageSize.Bytes);
        if (status != SvmStatus.Done)
            throw new ReplayException($"The trace accesses {address}, where nothing can be mapped: {status}. Addresses are below 2^47 and above 64 KiB.");
        Drain(null);
    }

    /// <summary>Whether a translation lets a device do something.</summary>
    /// <param name="address">The translation.</param>
    /// <param name="kind">What it wants to do.</param>
    /// <returns>True if so.</returns>
    private static bool Permits(DeviceAddress address, MemoryAccess kind) =>
        address.IsPresent && (kind == MemoryAccess.Read || (kind == MemoryAccess.Write ? address.IsWritable : address.AllowsAtomics));
}
