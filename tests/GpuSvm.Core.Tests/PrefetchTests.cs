// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>Prefetches: batched, in the background, with progress and cancellation, and honest about what they did.</summary>
public sealed class PrefetchTests
{
    private const int PiecesAtOnce = 2;

    [Fact]
    public void RangesOfOneBlockTravelInOneMigrationAndAreBoundEach()
    {
        using Machine machine = SmallRanges();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.CpuStore(memory.Start + (3 * PageOrder.Medium.Bytes), 7);
        long notified = machine.Vm.Counters.Invalidations;
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out PrefetchResult result));
        Assert.Equal(new PrefetchResult(2 << 20, 0, 2 << 20, 0), result);
        for (VirtualAddress at = memory.Start; at < memory.End; at += PageOrder.Medium.Bytes)
            Assert.True(machine.Vm.PageTable.Lookup(at).IsPresent, $"{at} is not bound");
        Assert.Equal(notified, machine.Vm.Counters.Invalidations); // Nothing was bound before, so one event a block reached nobody.
        Assert.Equal(7, machine.CpuLoad(memory.Start + (3 * PageOrder.Medium.Bytes)));
        Assert.True(machine.IsOnDevice(memory.Start)); // What moves together later is a range still, not the whole migration.
        machine.Check();
    }

    [Fact]
    public void APartIsBroughtWithoutItsNeighbourhood()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        AddressRange part = AddressRange.OfBytes(memory.Start + PageOrder.Medium.Bytes, 2 * PageOrder.Medium.Bytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(part, PrefetchTarget.Device, out PrefetchResult result));
        Assert.Equal(new PrefetchResult(part.Bytes, 0, part.Bytes, 0), result);
        Assert.False(machine.IsOnDevice(memory.Start));
        Assert.False(machine.IsOnDevice(part.End));
        machine.Check();
    }

    [Fact]
    public void AHoleIsToldAndWhatLiesBehindItComes()
    {
        using var machine = new Machine();
        AddressRange probe = machine.Allocate(PageSize.HugeBytes);
        var memory = AddressRange.OfBytes(probe.End + (64L * PageSize.HugeBytes), 2L * PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(memory.Start, memory.Bytes));
        AddressRange hole = AddressRange.OfPages(memory.Start + (100 * PageSize.Bytes), 200);
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(hole));
        Assert.Equal(SvmStatus.NotMapped, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out PrefetchResult result));
        Assert.Equal(new PrefetchResult(memory.Bytes, 0, memory.Bytes - hole.Bytes, hole.Bytes), result);
        machine.Check();
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(memory));
        machine.Vm.Collect();
    }

    [Fact]
    public void MemoryThatNeverMigratesStaysAndIsToldSo()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        AddressRange kept = AddressRange.OfBytes(memory.Start, PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(kept, advice => advice with { NeverMigrate = true }));
        Assert.Equal(SvmStatus.NotMigratable, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out PrefetchResult result));
        Assert.Equal(new PrefetchResult(memory.Bytes, 0, PageSize.HugeBytes, PageSize.HugeBytes), result);
        machine.Check();
    }

    [Fact]
    public void AnAdvisedGranularityHoldsForPrefetchesToo()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.Advise(memory, advice => advice with { Granularity = PageOrder.Medium }));
        Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(memory, PrefetchTarget.Device, out _));
        _ = machine.CpuLoad(memory.Start); // One block of 64 KiB comes home.
        Assert.False(machine.IsOnDevice(memory.Start));
        Assert.True(machine.IsOnDevice(memory.Start + PageOrder.Medium.Bytes));
        machine.Check();
    }

    [Fact]
    public void ManyIntervalsGoInTheBackgroundAndAddUp()
    {
        using Machine machine = SmallRanges();
        AddressRange memory = machine.Allocate(6L * PageSize.HugeBytes);
        for (VirtualAddress at = memory.Start; at < memory.End; at += PageSize.Bytes)
            machine.CpuStore(at, (long)at.PageNumber);
        AddressRange[] parts = [.. Enumerable.Range(0, 6).Select(i => AddressRange.OfPages(memory.Start + ((long)i * PageSize.HugeBytes) + PageSize.Bytes, 300))];
        Assert.Equal(SvmStatus.Done, machine.Vm.StartPrefetch(parts, PrefetchTarget.Device, out PrefetchOperation? there));
        Assert.True(there!.Wait(10_000));
        Assert.Equal(SvmStatus.Done, there.Outcome(out PrefetchResult result));
        long bytes = 6L * 300 * PageSize.Bytes;
        Assert.Equal((bytes, new PrefetchResult(bytes, 0, bytes, 0), result), (there.RequestedBytes, result, there.Progress));
        Assert.Equal(SvmStatus.Done, machine.Vm.StartPrefetch(parts, PrefetchTarget.Device, out PrefetchOperation? again));
        Assert.True(again!.Wait(10_000));
        Assert.Equal((SvmStatus.Done, new PrefetchResult(bytes, bytes, 0, 0)), (again.Outcome(out result), result));
        Assert.Equal(SvmStatus.Done, machine.Vm.StartPrefetch([memory], PrefetchTarget.System, out PrefetchOperation? back));
        Assert.True(back!.Wait(10_000));
        Assert.Equal((SvmStatus.Done, memory.Bytes), (back.Outcome(out result), result.AlreadyThereBytes + result.MovedBytes));
        for (VirtualAddress at = memory.Start; at < memory.End; at += PageSize.Bytes)
            Assert.Equal((long)at.PageNumber, machine.CpuLoad(at));
        Assert.Equal(machine.Device.Memory.Pages, machine.Device.Memory.FreePages);
        machine.Check();
    }

    [Fact]
    public void ACancelledOneBeginsNothingMoreAndSaysWhatItDid()
    {
        using var machine = new Machine(checksSteps: false);
        AddressRange memory = machine.Allocate(7L * PageSize.HugeBytes);
        using var reached = new SemaphoreSlim(0);
        using var goOn = new ManualResetEventSlim();
        Locking.SchedulePoint.Install((point, _) =>
        {
            if (point != Locking.SchedulePointKind.MigrationCollected)
                return;
            reached.Release();
            goOn.Wait(10_000);
        });
        Assert.Equal(SvmStatus.Done, machine.Vm.StartPrefetch([memory], PrefetchTarget.Device, out PrefetchOperation? operation));
        Assert.True(reached.Wait(10_000));
        operation!.Cancel();
        Assert.False(operation.Wait(20)); // A piece is being moved.
        Assert.Equal(SvmStatus.Busy, operation.Outcome(out _));
        goOn.Set();
        Assert.True(operation.Wait(10_000));
        Locking.SchedulePoint.Install(null);
        Assert.Equal(SvmStatus.Cancelled, operation.Outcome(out PrefetchResult result));
        Assert.InRange(result.MovedBytes, PageSize.HugeBytes, PiecesAtOnce * PageSize.HugeBytes);
        Assert.Equal(memory.Bytes, result.MovedBytes + result.FailedBytes);
        machine.Check();
    }

    [Fact]
    public void ClosingTheVmEndsWhatRuns()
    {
        PrefetchOperation? operation;
        using (Machine machine = SmallRanges())
        {
            AddressRange memory = machine.Allocate(7L * PageSize.HugeBytes);
            Assert.Equal(SvmStatus.Done, machine.Vm.StartPrefetch([memory], PrefetchTarget.Device, out operation));
        }

        Assert.True(operation!.IsEnded);
        Assert.Contains(operation.Outcome(out _), new[] { SvmStatus.Done, SvmStatus.Cancelled, SvmStatus.NotMapped }); // The machine frees its memory before it closes the VM.
    }

    [Fact]
    public void WhatCannotBeStartedIsRefused()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.StartPrefetch([memory, default], PrefetchTarget.Device, out PrefetchOperation? operation));
        Assert.Null(operation);
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.StartPrefetch([memory], PrefetchTarget.Device, out _, device: 1));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.StartPrefetch([memory], (PrefetchTarget)2, out _));
        Assert.Equal(SvmStatus.Done, machine.Vm.StartPrefetch([], PrefetchTarget.Device, out operation));
        Assert.Equal((true, SvmStatus.Done), (operation!.Wait(0), operation.Outcome(out _)));
    }

    /// <summary>A machine with ranges of 64 KiB at the most.</summary>
    private static Machine SmallRanges() =>
        new(vm: new GpuVmOptions { Placement = new Machine.AlwaysMigrate(), ChunkOrders = [PageOrder.Medium, PageOrder.Small] });
}
