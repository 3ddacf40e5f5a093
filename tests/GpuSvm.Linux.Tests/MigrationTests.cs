// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux.Tests;

/// <summary>Pages that come and go under running threads, on this machine's kernel.</summary>
public sealed class MigrationTests
{
    /// <summary>4 KiB, 64 KiB, 2 MiB.</summary>
    public static TheoryData<byte> Orders => [0, 4, 9];

    [Theory]
    [MemberData(nameof(Orders))]
    public void PlainIncrementsOfBothSidesSurviveConcurrentMigration(byte order)
    {
        const ulong PerCall = 20_000;
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        var size = new PageOrder(order);
        AddressRange interval = client.Start(memory, size, size.Bytes);
        VirtualAddress first = interval.Start, second = interval.Start + (size.Bytes - 8);
        ulong device = 0;
        ulong[] counts = new ulong[2];
        using var stop = new CancellationTokenSource();
        Thread[] threads = [.. new[] { first, second }.Select((counter, index) => new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                NativeProgram.Increment(counter, PerCall);
                counts[index] += PerCall;
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        int moves = 0;
        long deadline = Environment.TickCount64 + 20_000;
        while (moves < 400 && Environment.TickCount64 < deadline)
        {
            if (client.MoveAway(0) == SvmStatus.Done)
                moves++;
            if (client.DeviceIncrement(0, 64, 3))
                device += 3;
        }

        stop.Cancel();
        foreach (Thread thread in threads)
            Assert.True(thread.Join(60_000), "a program thread hangs");
        Assert.Equal(counts[0], RealMemory.CpuLoad(first));
        Assert.Equal(counts[1], RealMemory.CpuLoad(second));
        Assert.Equal(device, RealMemory.CpuLoad(first + 64));
        Assert.True(moves >= 100 && client.BroughtBack >= 10, $"only {moves} moves and {client.BroughtBack} returns by fault");
    }

    [Fact]
    public void PagesOfManyThreadsAreServedByManyServiceThreads()
    {
        using UserfaultHostMemory memory = RealMemory.Open(new UserfaultOptions { CapacityBytes = 64 << 20, ServiceThreads = 4 });
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Small, 64 * PageSize.Bytes);
        Thread[] threads = [.. Enumerable.Range(0, 6).Select(t => new Thread(() =>
        {
            for (int round = 0; round < 500; round++)
                NativeProgram.Increment(interval.Start + ((t * 7 + round) % 64 * PageSize.Bytes) + (8 * t), 1);
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        for (int round = 0; threads.Any(thread => thread.IsAlive); round++)
            _ = client.MoveAway(round % 64);
        ulong sum = 0;
        for (int page = 0; page < 64; page++)
        {
            for (int t = 0; t < 6; t++)
                sum += RealMemory.CpuLoad(interval.Start + (page * PageSize.Bytes) + (8 * t));
        }

        Assert.Equal(6ul * 500, sum);
    }

    [Fact]
    public void AHugePageTravelsWholeAndComesBackWhole()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Huge, PageSize.HugeBytes);
        Assert.SkipUnless((memory.Capabilities & HostMemoryCapabilities.HugePages) != 0, "needs transparent huge pages: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
        Assert.Equal(SvmStatus.Done, memory.Populate(interval, Core.Device.MemoryAccess.Write));
        Assert.SkipWhen(RealMemory.Query(memory, interval)[0].Order != PageOrder.Huge, "needs a free huge page, and the system gave none");
        RealMemory.CpuFill(interval, 3);
        for (int round = 0; round < 5; round++)
        {
            client.MoveAwayWhenHome(0);
            RealMemory.AssertPattern(interval, 3);
            Assert.All(RealMemory.Query(memory, interval), page => Assert.Equal(PageOrder.Huge, page.Order));
        }
    }

    [Fact]
    public void ABlockThatHeldSmallPagesIsHugeAgainAfterFreeing()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Huge, PageSize.HugeBytes);
        Assert.SkipUnless((memory.Capabilities & HostMemoryCapabilities.HugePages) != 0, "needs transparent huge pages");
        RealMemory.CpuFill(interval, 1); // Page by page.
        client.MoveAwayWhenHome(0);
        RealMemory.AssertPattern(interval, 1);
        Assert.All(RealMemory.Query(memory, interval), page => Assert.Equal(PageOrder.Small, page.Order));
        Assert.Equal(SvmStatus.Done, memory.Free(interval));
        Assert.Equal(SvmStatus.Done, memory.Allocate(PageSize.HugeBytes, out AddressRange again));
        Assert.Equal(interval, again);
        Assert.Equal(SvmStatus.Done, memory.Populate(again, Core.Device.MemoryAccess.Write));
        Assert.Equal(SvmStatus.Done, memory.Allocate(PageSize.HugeBytes, out AddressRange control));
        Assert.Equal(SvmStatus.Done, memory.Populate(control, Core.Device.MemoryAccess.Write));
        Assert.SkipWhen(RealMemory.Query(memory, control)[0].Order != PageOrder.Huge, "needs free huge pages, and a block never used got none either");
        Assert.Equal(PageOrder.Huge, RealMemory.Query(memory, again)[0].Order);
        RealMemory.AssertZero(again);
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public void ThousandsOfMigrationsReuseTheSamePhysicalPages(byte order)
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        var size = new PageOrder(order);
        AddressRange interval = client.Start(memory, size, size.Bytes);
        Assert.Equal(SvmStatus.Done, memory.Populate(AddressRange.OfBytes(interval.Start, size.Bytes), Core.Device.MemoryAccess.Write));
        int rounds = order == 9 ? 2000 : 10_000;
        for (int round = 0; round < rounds; round++)
        {
            client.MoveAwayWhenHome(0);
            Assert.Equal(SvmStatus.Done, client.BringBack(0));
        }

        // The block is at home, in the page that left last, or in a copy of it: then that page waits for the next journey.
        Assert.InRange(RegisteredBytes(), size.Bytes, 2 * size.Bytes);
        Assert.InRange(memory.Statistics.PooledBytes, 0, size == PageOrder.Huge ? 0 : size.Bytes);
        client.MoveAwayWhenHome(0);
        Assert.Equal(size.Bytes, memory.Statistics.PooledBytes);
    }

    [Fact]
    public void ServingFaultsAllocatesNothing()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Medium, PageOrder.Medium.Bytes);
        RealMemory.CpuFill(AddressRange.OfBytes(interval.Start, PageOrder.Medium.Bytes), 1);
        for (int round = 0; round < 300; round++)
        {
            if (round == 100)
                client.LargestAllocation = 0; // Warm by now.
            client.MoveAwayWhenHome(0);
            _ = RealMemory.CpuLoad(interval.Start);
        }

        Assert.True(client.BroughtBack >= 250, $"only {client.BroughtBack} faults");
        Assert.Equal(0, client.LargestAllocation);
    }

    [Fact]
    public void APageSharedWithAForkedChildMovesWithItsBytes()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Medium, PageOrder.Medium.Bytes);
        AddressRange block = AddressRange.OfBytes(interval.Start, PageOrder.Medium.Bytes);
        RealMemory.CpuFill(block, 9);

        // The program insists on sharing the heap with children, against our advice.
        Assert.Equal(0, Libc.madvise((nint)interval.Start.Value, (nuint)interval.Bytes, LinuxConstants.MADV_DOFORK));
        int child = NativeProgram.ForkSleeper();
        try
        {
            client.MoveAwayWhenHome(0);
            RealMemory.AssertPattern(block, 9);
        }
        finally
        {
            NativeProgram.Kill(child);
        }
    }

    [Fact]
    public void APinnedPageIsBusyAndEveryPageIsBackInItsPlace()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        AddressRange interval = client.Start(memory, PageOrder.Medium, PageOrder.Medium.Bytes);
        AddressRange block = AddressRange.OfBytes(interval.Start, PageOrder.Medium.Bytes);
        RealMemory.CpuFill(block, 5);
        int pin = NativeProgram.Pin(AddressRange.OfPages(interval.Start + (7 * PageSize.Bytes), 1));
        Assert.SkipWhen(pin < 0, "needs io_uring, to pin a page");
        HostPage[] before = RealMemory.Query(memory, block);
        Assert.Equal(SvmStatus.Busy, client.MoveAway(0));
        Assert.Equal(before, RealMemory.Query(memory, block));
        RealMemory.AssertPattern(block, 5);
        NativeProgram.Unpin(pin);
        client.MoveAwayWhenHome(0); // The ring lets go of its pages some time after it is closed.
        RealMemory.AssertPattern(block, 5);
    }

    /// <summary>Physical memory behind everything registered with userfaultfd, heap and staging, in bytes.</summary>
    private static long RegisteredBytes()
    {
        long sum = 0, resident = 0;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            if (line.StartsWith("Rss:", StringComparison.Ordinal))
                resident = long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) << 10;
            else if (line.StartsWith("VmFlags:", StringComparison.Ordinal) && (line.Contains(" um", StringComparison.Ordinal) || line.Contains(" uw", StringComparison.Ordinal)))
                sum += resident;
        }

        return sum;
    }
}
