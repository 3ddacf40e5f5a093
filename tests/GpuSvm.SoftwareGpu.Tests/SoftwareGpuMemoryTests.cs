// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.SoftwareGpu.Tests;

public sealed unsafe class SoftwareGpuMemoryTests
{
    [Theory]
    [InlineData(0L, "at least 4096")]
    [InlineData(-4096L, "at least 4096")]
    [InlineData(4095L, "at least 4096")]
    [InlineData(10000L, "choose 8192 or 12288")]
    [InlineData(long.MaxValue / 4096 * 4096, "choose at most")]
    public void AnImpossibleSizeNamesTheRemedy(long bytes, string remedy) =>
        Assert.Contains(remedy, Assert.Throws<ArgumentException>(() => new SoftwareGpuMemory(bytes)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(0)]
    [InlineData(257)]
    public void AnImpossibleNumberOfUnitsNamesTheRemedy(int units) =>
        Assert.Contains("choose 1 to 256", Assert.Throws<ArgumentException>(() => new SoftwareGpuDevice(new SoftwareGpuOptions { ComputeUnits = units })).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(4096)]
    [InlineData(3 * 4096)]
    [InlineData((5 << 20) + 4096)]
    public void AnySizeInPagesWorksAndStartsOnAHugePage(long bytes)
    {
        using SoftwareGpuMemory memory = new(bytes);
        Assert.Equal(bytes / 4096, memory.Pages);
        Assert.Equal(memory.Pages, memory.FreePages);
        Assert.Equal(0, memory.BasePointer & (PageSize.HugeBytes - 1));
        new Span<byte>((void*)memory.BasePointer, (int)bytes).Fill(0x5A); // The whole of it is there.
    }

    [Fact]
    public void AFullMemorySaysSoAndATooLargeOrderIsRefused()
    {
        using SoftwareGpuMemory memory = new(2 * 4096);
        Assert.Equal(SvmStatus.InvalidArgument, memory.Allocate(new PageOrder(10), out _));
        Assert.Equal(SvmStatus.OutOfDeviceMemory, memory.Allocate(new PageOrder(2), out _));
        Assert.Equal(SvmStatus.Done, memory.Allocate(new PageOrder(1), out DeviceFrame first));
        Assert.Equal(SvmStatus.OutOfDeviceMemory, memory.Allocate(PageOrder.Small, out _));
        memory.Free(first, new PageOrder(1));
        Assert.Equal(2, memory.FreePages);
    }

    [Fact]
    public void TakingTheMemoryUnderADeeperLockBreaksTheOrder()
    {
        using SoftwareGpuMemory memory = new(4096);
        RankedLock leaf = new(LockRank.Leaf, "leaf");
        using (leaf.Enter())
            Assert.Throws<LockOrderException>(() => memory.Allocate(PageOrder.Small, out _));
        Assert.Equal(1, memory.FreePages);
    }
}
