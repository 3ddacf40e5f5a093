// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <content>What changes where memory is and what may be done with it.</content>
internal sealed partial class DayRun
{
    private void Map(AddressRange interval)
    {
        _what = $"map {interval}";
        Assert.Equal(SvmStatus.Done, _machine.Memory.Map(interval.Start, interval.Bytes));
        _model.Map(interval);
    }

    private void Unmap(AddressRange interval)
    {
        _what = $"unmap {interval}";
        Assert.Equal(SvmStatus.Done, _machine.Memory.Unmap(interval));
        _model.Unmap(interval);
    }

    private void Remap(in DayOperation operation)
    {
        AddressRange from = InArea(operation);
        AddressRange to = Part(_area, operation.Value % AreaPages, (int)from.Pages);
        from = AddressRange.OfBytes(from.Start, to.Bytes);
        _what = $"move {from} to {to}";
        SvmStatus status = _machine.Memory.Remap(from, to.Start);
        Assert.Equal(from.Overlaps(to) ? SvmStatus.InvalidArgument : _model.IsMapped(from.Start) ? SvmStatus.Done : SvmStatus.NotMapped, status);
        if (status == SvmStatus.Done)
            _model.Move(from, to.Start);
    }

    private void Protect(in DayOperation operation)
    {
        AddressRange interval = InArea(operation); // An allocation that is cut into several mappings cannot be freed any more.
        bool isWritable = (operation.Value & 3) != 0;
        if (!_model.IsMapped(interval))
            return; // What lies before a hole changes all the same; such a half is played by the simulated memory's own tests.
        _what = $"{(isWritable ? "let write" : "forbid to write")} {interval}";
        Assert.Equal(SvmStatus.Done, _machine.Memory.Protect(interval, isWritable ? HostProtection.ReadWrite : HostProtection.ReadOnly));
        _model.Protect(interval, isWritable);
    }

    private void Discard(in DayOperation operation)
    {
        AddressRange interval = Where(operation);
        _what = $"discard {interval}";
        bool isMapped = _model.IsMapped(interval);
        Assert.Equal(isMapped ? SvmStatus.Done : SvmStatus.NotMapped, _machine.Memory.DontNeed(interval));
        _model.Bytes.Zero(interval);
    }

    private void Allocate(in DayOperation operation)
    {
        if (_allocations.Count == MostAllocations)
            return;
        SvmStatus status = _machine.Host.Allocate((long)operation.Pages * PageSize.Bytes, out AddressRange interval);
        _what = $"allocate {interval}";
        if (!Expect(status, SvmStatus.Done, "allocate"))
            return;
        Assert.Equal(operation.Pages, interval.Pages);
        _allocations.Add(interval);
        _model.Map(interval);
    }

    private void Free(in DayOperation operation)
    {
        if (_allocations.Count == 0)
            return;
        AddressRange interval = _allocations[operation.Place % _allocations.Count];
        _what = $"free {interval}";
        if (!Expect(_machine.Host.Free(interval), SvmStatus.Done, "free"))
            Assert.Equal(SvmStatus.Done, _machine.Host.Free(interval)); // What was on a device is gone already: it can only be freed.
        _allocations.Remove(interval);
        _model.Unmap(interval);
    }

    private void Advise(in DayOperation operation)
    {
        AddressRange interval = Where(operation);
        MemoryAdvice advice = operation.Kind == DayOperationKind.Unadvise ? default : AdviceOf(operation.Value);
        _what = $"advise VM {operation.Place} of {interval}: {advice}";
        if (Expect(_machine.Vms[operation.Place].Advise(interval, _ => advice), SvmStatus.Done, "advise"))
            _model.Advise(operation.Place, interval, advice);
    }

    /// <summary>Some advice: one thing mostly, now and then several.</summary>
    private static MemoryAdvice AdviceOf(int value)
    {
        var random = new Random(value);
        MemoryAdvice advice = default;
        do
        {
            advice = random.Next(9) switch
            {
                0 => advice with { Preferred = random.Next(3) == 0 ? PreferredLocation.System : PreferredLocation.OnDevice(random.Next(2)) },
                1 => advice with { AccessedBy = (ulong)random.Next(4) },
                2 => advice with { DeniedTo = (ulong)random.Next(4) },
                3 or 4 => advice with { IsReadMostly = true },
                5 => advice with { Atomics = (AtomicMode)random.Next(4) },
                6 => advice with { Granularity = new PageOrder((byte)random.Next(10)) },
                7 => advice with { NeverMigrate = true },
                _ => advice with { IsPinned = true },
            };
        }
        while (random.Next(3) == 0);
        return advice;
    }

    private void Prefetch(in DayOperation operation)
    {
        AddressRange interval = Where(operation);
        PrefetchTarget target = operation.Kind == DayOperationKind.PrefetchToDevice ? PrefetchTarget.Device : PrefetchTarget.System;
        (int vm, int device) = _machine.At(operation.Place);
        _what = $"VM {vm} prefetches {interval} to {target} {device}";
        SvmStatus status = _machine.Vms[vm].Prefetch(interval, target, out PrefetchResult result, device);
        CheckPrefetch(interval, target, status, result);
    }

    private void PrefetchInBackground(in DayOperation operation)
    {
        AddressRange interval = Where(operation);
        PrefetchTarget target = (operation.Value & 1) != 0 ? PrefetchTarget.Device : PrefetchTarget.System;
        (int vm, int device) = _machine.At(operation.Place);
        _what = $"VM {vm} prefetches {interval} to {target} {device} in the background";
        if (!Expect(_machine.Vms[vm].StartPrefetch([interval], target, out PrefetchOperation? prefetch, device), SvmStatus.Done, "start prefetch"))
            return;
        if ((operation.Value & 6) == 0)
            prefetch!.Cancel();
        Assert.True(prefetch!.Wait(60_000), "a prefetch in the background hangs");
        SvmStatus status = prefetch.Outcome(out PrefetchResult result);
        CheckPrefetch(interval, target, status, result);
    }

    private void CheckPrefetch(AddressRange interval, PrefetchTarget target, SvmStatus status, in PrefetchResult result)
    {
        _what += $": {status}, {result}";
        Assert.Equal(interval.Bytes, result.RequestedBytes);
        Assert.Equal(result.RequestedBytes, result.AlreadyThereBytes + result.MovedBytes + result.FailedBytes);
        if (HasFailed || status == SvmStatus.Cancelled)
            return;
        if (target == PrefetchTarget.System)
            Assert.Equal((SvmStatus.Done, 0L), (status, result.FailedBytes));
        else if (_model.IsMapped(interval))
            Assert.True(status is SvmStatus.Done or SvmStatus.OutOfDeviceMemory or SvmStatus.NotMigratable or SvmStatus.ReadOnly, $"prefetch: {status}{Environment.NewLine}{Places(interval)}");
        else
            Assert.True(status != SvmStatus.Done, "a prefetch of a hole is done");
    }

    /// <summary>Where the pages of an interval are, for messages.</summary>
    private string Places(AddressRange interval)
    {
        var text = new List<string>();
        for (int vm = 0; vm < _machine.Vms.Length; vm++)
        {
            var runs = new List<MemoryRun>();
            _ = _machine.Vms[vm].Query(interval, runs);
            text.AddRange(runs.Select(run => $"VM {vm}: {run.Interval} {run.Place} {run.Device} {run.CopiedTo} {run.Advice}"));
        }

        return string.Join(Environment.NewLine, text);
    }

    private void Evict(in DayOperation operation)
    {
        (int vm, int device) = _machine.At(operation.Place);
        Core.Pagemaps.Pagemap pagemap = _machine.Vms[vm].Devices[device].Pagemap;
        bool isAll = operation.Kind == DayOperationKind.EvictAll;
        SvmStatus status = isAll ? pagemap.EvictAll(MigrationCause.Eviction) : pagemap.EvictOne();
        _what = $"VM {vm} device {device} evicts {(isAll ? "all" : "one")}: {status}";
        Assert.True(HasFailed || status == SvmStatus.Done || (!isAll && status == SvmStatus.OutOfDeviceMemory), $"evict: {status}");
    }
}
