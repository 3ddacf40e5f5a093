// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

public sealed class SoftwareGpuDmaMapperTests
{
    [Fact]
    public void AMappingIsThePointerItselfAndIsCounted()
    {
        SoftwareGpuDmaMapper mapper = new();
        Assert.Equal(SvmStatus.Done, mapper.Map(new DmaPointer(0x7000_1000), new PageOrder(2), writable: false, out DeviceAddress address));
        Assert.Equal((0x7000_1000UL, AddressProtocol.System, 2, false), (address.Address, address.Protocol, address.Order.Value, address.IsWritable));
        Assert.Equal(SvmStatus.Done, mapper.Map(new DmaPointer(0x7000_1000), new PageOrder(2), writable: true, out DeviceAddress again)); // A second device mapping of the same pages.
        Assert.Equal(8, mapper.LivePages);
        mapper.Unmap(address);
        mapper.Unmap(again);
        Assert.Equal(0, mapper.LivePages);
    }

    [Fact]
    public void UnmappingWhatIsNotMappedIsCaught()
    {
        SoftwareGpuDmaMapper mapper = new();
        Assert.Equal(SvmStatus.Done, mapper.Map(new DmaPointer(0x4000), new PageOrder(1), writable: true, out DeviceAddress address));
        Assert.Throws<InvalidOperationException>(() => mapper.Unmap(default));
        mapper.Unmap(address);
        Assert.Throws<InvalidOperationException>(() => mapper.Unmap(address));
        Assert.Equal(0, mapper.LivePages);
    }

    [Fact]
    public void PartsOfAMappingAreUnmappedApartAndEachPageOnce()
    {
        SoftwareGpuDmaMapper mapper = new();
        Assert.Equal(SvmStatus.Done, mapper.Map(new DmaPointer(0x8000), new PageOrder(2), writable: true, out DeviceAddress address));
        mapper.Unmap(address.Part(0, new PageOrder(1)));
        Assert.Equal(2, mapper.LivePages);
        Assert.Throws<InvalidOperationException>(() => mapper.Unmap(address.Part(1, PageOrder.Small)));
        mapper.Unmap(address.Part(3, PageOrder.Small));
        mapper.Unmap(address.Part(2, PageOrder.Small));
        Assert.Equal(0, mapper.LivePages);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(0x4001L)]
    [InlineData(1L << 52)]
    public void WhatCannotBeMappedFails(long pointer) =>
        Assert.Equal(SvmStatus.CopyFailed, new SoftwareGpuDmaMapper().Map(new DmaPointer((nint)pointer), PageOrder.Small, writable: true, out _));
}
