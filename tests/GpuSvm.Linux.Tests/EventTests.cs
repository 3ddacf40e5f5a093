// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux.Tests;

/// <summary>What the program does to the heap behind our back.</summary>
public sealed class EventTests
{
    [Fact]
    public void MadviseByTheProgramArrivesAsDiscardedInTheGate()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes), part = AddressRange.OfPages(interval.Start + (2 * PageSize.Bytes), 3);
        RealMemory.CpuFill(interval, 1);
        DontNeed(part);
        client.WaitFor(() => client.DiscardedIntervals.Contains(part));
        Assert.Equal(0, client.EventsOutsideGate);
        RealMemory.AssertZero(part);
        Assert.Equal(1, memory.Statistics.DiscardEvents);
    }

    [Fact]
    public void MunmapByTheProgramMakesAHoleThatIsNeverGivenOutAgain()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes), gone = AddressRange.OfPages(interval.Start + (8 * PageSize.Bytes), 8);
        RealMemory.CpuFill(interval, 1);
        Assert.Equal(0, Libc.munmap((nint)gone.Start.Value, (nuint)gone.Bytes));
        client.WaitFor(() => client.UnmappedIntervals.Contains(gone));
        Assert.Equal(0, client.EventsOutsideGate);
        Assert.True(memory.TryFindMapping(gone.Start, out Core.Host.HostMapping mapping));
        Assert.Equal(new AddressRange(gone.End, interval.End), mapping.Interval);
        Assert.Equal(interval.Bytes - gone.Bytes, memory.Statistics.AllocatedBytes);

        // Somebody else's memory comes to stand in the hole; freeing and allocating around it leave it alone.
        Assert.Equal((nint)gone.Start.Value, Libc.mmap((nint)gone.Start.Value, (nuint)gone.Bytes, LinuxConstants.PROT_READ | LinuxConstants.PROT_WRITE,
            LinuxConstants.MAP_PRIVATE | LinuxConstants.MAP_ANONYMOUS | LinuxConstants.MAP_FIXED, -1, 0));
        RealMemory.CpuFill(gone, 7);
        Assert.Equal(SvmStatus.Done, memory.Free(interval));
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal(SvmStatus.Done, memory.Allocate(3 * PageSize.Bytes, out AddressRange other));
            Assert.False(other.Overlaps(gone), $"{other} was given out over {gone}");
        }

        memory.Dispose();
        RealMemory.AssertPattern(gone, 7);
        Assert.Equal(0, Libc.munmap((nint)gone.Start.Value, (nuint)gone.Bytes));
    }

    [Fact]
    public void OurOwnDiscardAndFreeRaiseNoEventAndNeedNoReader()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes);
        RealMemory.CpuFill(interval, 1);
        client.EnterEventGate(); // Nobody can read an event now: who waits for one hangs.
        try
        {
            Assert.Equal(SvmStatus.Done, memory.Discard(AddressRange.OfPages(interval.Start, 5)));
            Assert.Equal(SvmStatus.Done, memory.Free(interval));
        }
        finally
        {
            client.LeaveEventGate();
        }

        Assert.Equal(0, memory.Statistics.DiscardEvents + memory.Statistics.UnmapEvents);
    }

    [Fact]
    public void AServiceThreadThatAttachesWhileAnEventIsPendingIsRescued()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes), other = AddressRange.OfPages(interval.Start + (100 * PageSize.Bytes), 4);
        AddressRange page = AddressRange.OfPages(interval.Start, 1);
        RealMemory.CpuFill(page, 4);
        RealMemory.CpuFill(other, 4);
        client.MoveAwayWhenHome(0);
        SvmStatus seen = SvmStatus.Done;
        Thread? advisor = null;
        client.BeforeBringBack = () =>
        {
            // On the one service thread: the program's madvise now waits for a reader, and there is none.
            client.BeforeBringBack = null;
            client.EnterEventGate();
            advisor = new Thread(() => DontNeed(other));
            advisor.Start();
            long deadline = Environment.TickCount64 + 20_000;
            while ((seen = memory.WriteProtect(other, protect: false)) == SvmStatus.Done && Environment.TickCount64 < deadline)
                Thread.Yield();
            client.LeaveEventGate();
        };
        RealMemory.AssertPattern(page, 4);
        Assert.Equal(SvmStatus.Retry, seen);
        Assert.True(advisor!.Join(30_000), "madvise hangs");
        Assert.Contains(other, client.DiscardedIntervals);
        Assert.Equal(0, client.EventsOutsideGate);
        Assert.True(memory.Statistics.EventRescues > 0);
        RealMemory.AssertZero(other);
    }

    [Fact]
    public void PopulatingWhileAnEventIsPendingAnswersRetryAndDoesNotWait()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes), other = AddressRange.OfPages(interval.Start + (100 * PageSize.Bytes), 4);
        AddressRange absent = AddressRange.OfPages(interval.Start + (200 * PageSize.Bytes), 16);
        RealMemory.CpuFill(other, 4);
        client.EnterEventGate();
        var advisor = new Thread(() => DontNeed(other));
        advisor.Start();
        SvmStatus status = SvmStatus.Done;
        long deadline = Environment.TickCount64 + 20_000;
        while (status == SvmStatus.Done && Environment.TickCount64 < deadline)
        {
            status = memory.Populate(absent, MemoryAccess.Write);
            if (status == SvmStatus.Done)
                Assert.Equal(SvmStatus.Done, memory.Discard(absent));
        }

        client.LeaveEventGate();
        Assert.Equal(SvmStatus.Retry, status);
        Assert.True(advisor.Join(30_000), "madvise hangs");
        Assert.Equal(SvmStatus.Done, memory.Populate(absent, MemoryAccess.Write));
        RealMemory.AssertZero(absent);
    }

    [Fact]
    public void WithoutMappingEventsFaultsAreServedOutsideTheGate()
    {
        using UserfaultHostMemory memory = RealMemory.Open(new UserfaultOptions { CapacityBytes = 64 << 20, MappingEvents = false });
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, PageSize.Bytes);
        Assert.Equal(Core.Host.HostMemoryCapabilities.None, memory.Capabilities & Core.Host.HostMemoryCapabilities.MappingEvents);
        RealMemory.CpuFill(interval, 1);
        DontNeed(AddressRange.OfPages(interval.Start, 1));
        RealMemory.AssertZero(AddressRange.OfPages(interval.Start, 1));
        Assert.Empty(client.DiscardedIntervals);
    }

    /// <summary>The program gives contents up.</summary>
    private static void DontNeed(AddressRange interval) =>
        Assert.Equal(0, Libc.madvise((nint)interval.Start.Value, (nuint)interval.Bytes, LinuxConstants.MADV_DONTNEED));
}
