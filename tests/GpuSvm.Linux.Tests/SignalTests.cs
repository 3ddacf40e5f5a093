// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux.Tests;

/// <summary>Accesses that cannot be served end in the signal that the platform has for them, and hang nobody.</summary>
public sealed class SignalTests
{
    private const int Sigbus = LinuxConstants.SIGBUS;
    private const int Sigsegv = 11;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ARefusedFaultIsASigbusAndDiscardingHealsThePage(bool write) => WithSignals(() =>
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes);
        client.Refusal = SvmStatus.OutOfHostMemory;
        Assert.Equal(Sigbus, NativeProgram.Try(interval.Start + 40, write));
        Assert.Equal(1, memory.Statistics.FailedFaults);
        client.Refusal = null;
        Assert.Equal(0, NativeProgram.Try(interval.Start + PageSize.Bytes, write)); // The neighbour is not concerned.
        Assert.Equal(SvmStatus.Done, memory.Discard(AddressRange.OfPages(interval.Start, 1)));
        Assert.Equal(0, NativeProgram.Try(interval.Start + 40, write));
    });

    [Fact]
    public void ARefusedWriteToAProtectedPageIsASigbusAndThePageKeepsItsBytes() => WithSignals(() =>
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes);
        AddressRange page = AddressRange.OfPages(interval.Start, 1);
        RealMemory.CpuFill(page, 2);
        Assert.Equal(SvmStatus.Done, memory.WriteProtect(page, protect: true));
        client.Refusal = SvmStatus.ReadOnly;
        Assert.Equal(Sigbus, NativeProgram.Try(interval.Start, write: true));
        Assert.Equal(0, NativeProgram.Try(interval.Start, write: false));
        RealMemory.AssertPattern(page, 2);
        client.Refusal = null;
        Assert.Equal(0, NativeProgram.Try(interval.Start, write: true));
    });

    [Fact]
    public void WhatIsFreedOrNeverWasAllocatedIsASigsegvAndNoFaultOfOurs() => WithSignals(() =>
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes);
        RealMemory.CpuFill(interval, 1);
        int faults = client.Faults;
        Assert.Equal(Sigsegv, NativeProgram.Try(interval.End, write: true)); // The guard page.
        Assert.Equal(Sigsegv, NativeProgram.Try(interval.Start - 1, write: false));
        Assert.Equal(SvmStatus.Done, memory.Free(interval));
        Assert.Equal(Sigsegv, NativeProgram.Try(interval.Start, write: false));
        Assert.Equal(faults, client.Faults);
        Assert.False(memory.TryFindMapping(interval.Start, out _));
    });

    [Fact]
    public void FreeingWhatAThreadWaitsForLetsItGo() => WithSignals(() =>
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes);
        client.Refusal = SvmStatus.Busy;
        int signal = 0;
        var thread = new Thread(() => signal = NativeProgram.Try(interval.Start, write: true));
        thread.Start();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref client.Faults) > 0, 30_000));
        Assert.Equal(SvmStatus.Done, memory.Free(interval));
        Assert.True(thread.Join(30_000), "the thread still waits");
        Assert.True(signal is 0 or Sigsegv, $"signal {signal}"); // Its store may fall into the moment in which the pages are dropped.
        Assert.Equal(Sigsegv, NativeProgram.Try(interval.Start, write: true));
    });

    /// <summary>A message may be older than its touch: whoever waited has been woken by another's work and gone on. What it is answered must not harm him.</summary>
    [Theory]
    [InlineData(SvmStatus.NotMapped)]
    [InlineData(SvmStatus.Unmapped)]
    public void ARefusalThatComesWhenTheTouchIsOverHarmsNobody(SvmStatus refusal) => WithSignals(() =>
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        using var held = new ManualResetEventSlim();
        using var answered = new ManualResetEventSlim();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes);
        client.BeforeRefusal = () =>
        {
            held.Set();
            answered.Wait(30_000);
        };
        client.Refusal = refusal;
        int signal = -1;
        var thread = new Thread(() => signal = NativeProgram.Try(interval.Start, write: true));
        thread.Start();
        Assert.True(held.Wait(30_000));
        client.Refusal = null;
        Assert.Equal(SvmStatus.Done, memory.Populate(AddressRange.OfPages(interval.Start, 1), MemoryAccess.Write)); // As for a device; it wakes him.
        Assert.True(thread.Join(30_000), "the thread still waits");
        Assert.Equal(0, signal);
        Assert.Equal(SvmStatus.Done, memory.Free(interval));
        answered.Set();
        Thread.Sleep(50); // For the service thread to act on the old message.
        Assert.Equal(SvmStatus.Done, memory.Allocate(interval.Bytes, out AddressRange again));
        Assert.Equal(interval, again);
        Assert.Equal(0, NativeProgram.Try(interval.Start, write: false));
        Assert.Equal(0, memory.Statistics.FailedFaults);
    });

    [Fact]
    public void AForkedChildHasNoHeapRatherThanAHeapOfZeroes()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes);
        RealMemory.CpuFill(interval, 1);
        client.MoveAwayWhenHome(0);
        Assert.Equal(Sigsegv, NativeProgram.ChildReads(interval.Start));
        Assert.Equal(Sigsegv, NativeProgram.ChildReads(interval.Start + PageSize.Bytes));
        RealMemory.AssertPattern(interval, 1);
    }

    /// <summary>Runs a body whose <see cref="NativeProgram.Try"/> calls may meet signals.</summary>
    private static void WithSignals(Action body)
    {
        RealMemory.SkipIfUnavailable();
        NativeProgram.CatchSignals();
        try
        {
            body();
        }
        finally
        {
            NativeProgram.ReleaseSignals();
        }
    }
}
