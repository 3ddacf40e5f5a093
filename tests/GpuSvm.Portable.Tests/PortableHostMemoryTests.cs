// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Portable.Tests;

/// <summary>What is particular to portable memory.</summary>
public sealed class PortableHostMemoryTests : IDisposable
{
    private readonly PortableHostMemory _memory = new();
    private readonly PortableFixture _program = new();

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void AStagingBlockIsTheProgramsOwnPages()
    {
        Assert.Equal(SvmStatus.Done, _memory.Allocate(PageSize.HugeBytes, out AddressRange interval));
        AddressRange block = AddressRange.OfPages(interval.Start + 16 * PageSize.Bytes, 16);
        _program.CpuWrite(_memory, block.Start, Pattern.Of(block.Start, block.Bytes));
        HostStaging staging = _memory.AcquireStaging(block, forAttach: false)!;
        Assert.Equal((nint)block.Start.Value, staging.Pointer.Value);
        Assert.Equal(SvmStatus.Done, _memory.Detach(block, staging));
        byte[] bytes = new byte[block.Bytes];
        DmaBytes.Read(staging.Pointer, bytes);
        Assert.Equal(Pattern.Of(block.Start, block.Bytes), bytes);
        DmaBytes.Write(staging.Pointer, [99]);
        Assert.Equal(SvmStatus.Done, _memory.Attach(block, staging, writable: false));
        _memory.ReleaseStaging(staging);
        _program.CpuRead(_memory, block.Start, bytes.AsSpan(0, 1));
        Assert.Equal(99, bytes[0]);
        var state = new HostPage[16];
        Assert.Equal(SvmStatus.Done, _memory.Query(block, state));
        Assert.All(state, page => Assert.True(page.IsPresent && page.IsWritable));
    }

    [Fact]
    public void APageThatIsAwayAlreadyIsAHoleOfTheNextBlock()
    {
        Assert.Equal(SvmStatus.Done, _memory.Allocate(4 * PageSize.Bytes, out AddressRange interval));
        AddressRange one = AddressRange.OfPages(interval.Start, 1);
        HostStaging first = _memory.AcquireStaging(one, forAttach: false)!, second = _memory.AcquireStaging(one, forAttach: false)!;
        Assert.Equal(SvmStatus.Done, _memory.Detach(one, first));
        Assert.Equal(SvmStatus.Done, _memory.Detach(one, second));
        Assert.True(first.IsPresent(0));
        Assert.False(second.IsPresent(0));
        _memory.ReleaseStaging(second);
        Assert.Equal(SvmStatus.Done, _memory.Attach(one, first, writable: true));
        Assert.Equal(SvmStatus.InvalidArgument, _memory.Attach(one, first, writable: true));
        _memory.ReleaseStaging(first);
    }

    [Fact]
    public void PopulatingAPageThatIsAwayBringsZeroesHome()
    {
        Assert.Equal(SvmStatus.Done, _memory.Allocate(2 * PageSize.Bytes, out AddressRange interval));
        _program.CpuWrite(_memory, interval.Start, Pattern.Of(interval.Start, interval.Bytes));
        AddressRange one = AddressRange.OfPages(interval.Start, 1);
        HostStaging staging = _memory.AcquireStaging(one, forAttach: false)!;
        Assert.Equal(SvmStatus.Done, _memory.Detach(one, staging));
        _memory.ReleaseStaging(staging);
        Assert.Equal(SvmStatus.Done, _memory.Populate(interval, MemoryAccess.Read));
        byte[] bytes = new byte[interval.Bytes], expected = Pattern.Of(interval.Start, interval.Bytes);
        expected.AsSpan(0, PageSize.Bytes).Clear();
        Assert.Equal(SvmStatus.Done, _memory.Read(interval.Start, bytes));
        Assert.Equal(expected, bytes);
    }

    [Fact]
    public void MoreThanTheMachineHasIsRefusedAndNotPromised()
    {
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        Assert.Equal(SvmStatus.OutOfHostMemory, _memory.Allocate(available + 1, out _));
        Assert.Equal(0, _memory.AllocatedBytes);
        Assert.Equal(SvmStatus.Done, _memory.Allocate(1, out _));
        Assert.Equal(PageSize.Bytes, _memory.AllocatedBytes);
    }

    [Fact]
    public void AfterDisposeEveryCallSaysThatTheProcessIsGone()
    {
        Assert.Equal(SvmStatus.Done, _memory.Allocate(PageSize.Bytes, out AddressRange interval));
        _memory.Dispose();
        Assert.Equal(SvmStatus.ProcessGone, _memory.Allocate(1, out _));
        Assert.Equal(SvmStatus.ProcessGone, _memory.Populate(interval, MemoryAccess.Read));
        Assert.Equal(SvmStatus.NotMapped, _memory.Read(interval.Start, new byte[1]));
        Assert.Equal(SvmStatus.InvalidHandle, _memory.Free(interval));
        Assert.Null(_memory.AcquireStaging(interval, forAttach: true));
        Assert.False(_memory.TryFindMapping(interval.Start, out _));
    }

    [Fact]
    public void ThreadsMayMigrateDifferentBlocksAtOnce()
    {
        Assert.Equal(SvmStatus.Done, _memory.Allocate(4L * PageSize.HugeBytes, out AddressRange interval));
        ProgramThread[] threads = [.. Enumerable.Range(0, 4).Select(thread => new ProgramThread(() =>
        {
            AddressRange mine = AddressRange.OfBytes(interval.Start + (long)thread * PageSize.HugeBytes, PageSize.HugeBytes);
            for (int round = 0; round < 50; round++)
            {
                AddressRange block = AddressRange.OfPages(mine.Start + round % 8 * 16L * PageSize.Bytes, 16);
                Assert.Equal(SvmStatus.Done, _memory.Write(block.Start, Pattern.Of(block.Start, block.Bytes, round)));
                HostStaging staging = _memory.AcquireStaging(block, forAttach: false)!;
                Assert.Equal(SvmStatus.Done, _memory.Detach(block, staging));
                Assert.Equal(SvmStatus.NotMapped, _memory.Read(block.Start, new byte[1]));
                Assert.Equal(SvmStatus.Done, _memory.Attach(block, staging, writable: true));
                _memory.ReleaseStaging(staging);
                byte[] bytes = new byte[block.Bytes];
                Assert.Equal(SvmStatus.Done, _memory.Read(block.Start, bytes));
                Assert.Equal(Pattern.Of(block.Start, block.Bytes, round), bytes);
            }
        }))];
        foreach (ProgramThread thread in threads)
            thread.Join();
        Assert.Equal(0, _memory.StagingBlocksOut);
    }
}
