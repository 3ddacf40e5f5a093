// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>The IOMMU's book-keeping by itself; no page behind these pointers is ever touched.</summary>
public sealed class SoftwareGpuIommuTests
{
    private static readonly Gen<(int Kind, int Order, int Pick)> _step = Gen.Select(Gen.Int[0, 5], Gen.Int[0, 9], Gen.Int[0, 1_000_000], (kind, order, pick) => (kind, order, pick));

    /// <summary>Against a dictionary from device page to host page: nothing overlaps, every page is where it was put, what is gone is gone, and what ends is free again.</summary>
    [Fact]
    public void EveryHistoryOfMapsReservationsAndPartialUnmapsIsWhatADictionarySays() =>
        Gen.Select(Gen.Int[1, 3000], _step.Array[1, 150]).Sample((pages, steps) =>
        {
            SoftwareGpuIommu iommu = new((long)pages << PageSize.Shift);
            var model = new Dictionary<ulong, (nint Pointer, bool Writable)>();
            var mapped = new List<DeviceAddress>();
            nint next = 0x10_0000;
            foreach ((int kind, int order, int pick) in steps)
            {
                bool writable = (pick & 1) != 0;
                if (kind < 2)
                {
                    if (iommu.Map(new DmaPointer(next), new PageOrder((byte)order), writable, out DeviceAddress address) == SvmStatus.Done)
                        Note(model, mapped, address, next, writable);
                    next += (nint)(2 << 20);
                }
                else if (kind == 2 && iommu.TryReserve(1 + (pick % (1 << order)), out DmaReservation reservation))
                {
                    for (int page = pick % 3; page < reservation.Order.Pages; page += 1 + (pick % 5)) // Holes, and with some picks nothing at all.
                    {
                        Assert.Equal(SvmStatus.Done, iommu.Link(reservation, page, new DmaPointer(next), PageOrder.Small, writable, out DeviceAddress address));
                        Note(model, mapped, address, next, writable);
                        next += 3 * PageSize.Bytes;
                    }

                    iommu.Seal(reservation);
                }
                else if (kind > 2 && mapped.Count > 0)
                {
                    DeviceAddress whole = mapped[pick % mapped.Count];
                    mapped.Remove(whole);
                    if (kind == 4 && whole.Order > PageOrder.Small)
                    {
                        PageOrder half = new((byte)(whole.Order.Value - 1)); // A half goes, the other stays.
                        mapped.Add(whole.Part(half.Pages, half));
                        whole = whole.Part(0, half);
                    }

                    iommu.Unmap(whole);
                    for (int page = 0; page < whole.Order.Pages; page++)
                        Assert.True(model.Remove(whole.Part(page, PageOrder.Small).Address));
                    Assert.Throws<InvalidOperationException>(() => iommu.Unmap(whole));
                }

                Assert.Equal(model.Count, iommu.LivePages);
                Assert.DoesNotContain(Enumerable.Range(0, pages), page => IsWrong(iommu, model, page));
            }

            foreach ((ulong address, (nint pointer, bool writable)) in model)
            {
                SoftwareGpuPageClass size = SoftwareGpuPageClass.Huge;
                ulong block = iommu.Translate(address, write: false, ref size, out bool allows);
                ulong offset = address & (size == SoftwareGpuPageClass.Huge ? (2UL << 20) - 1 : size == SoftwareGpuPageClass.Medium ? 65535UL : 0);
                Assert.Equal(((ulong)pointer, writable), (block + offset, allows));
            }

            mapped.ForEach(iommu.Unmap);
            Assert.Equal((0, pages), (iommu.LivePages, iommu.FreePages));
        }, iter: 60);

    [Fact]
    public void ReservedPagesThatAreNeverLinkedCostNothingOnceTheLinkedOnesHaveGone()
    {
        SoftwareGpuIommu iommu = new(512 << PageSize.Shift);
        for (int round = 0; round < 3; round++)
        {
            Assert.True(iommu.TryReserve(300, out DmaReservation reservation));
            Assert.Equal(PageOrder.Huge, reservation.Order);
            Assert.False(iommu.TryReserve(1, out _)); // All of it is taken, linked or not.
            Assert.Equal(SvmStatus.Done, iommu.Link(reservation, 7, new DmaPointer(0x9000), PageOrder.Small, writable: true, out DeviceAddress address));
            iommu.Seal(reservation);
            Assert.Equal((1, 0), (iommu.LivePages, iommu.FreePages));
            iommu.Unmap(address);
            Assert.Equal((0, 512), (iommu.LivePages, iommu.FreePages));
            Assert.True(iommu.TryReserve(512, out reservation));
            iommu.Seal(reservation); // With nothing linked it ends at once.
            Assert.Equal(512, iommu.FreePages);
        }
    }

    [Fact]
    public void BrokenUseIsCaught()
    {
        SoftwareGpuIommu iommu = new(1024 << PageSize.Shift);
        Assert.True(iommu.TryReserve(16, out DmaReservation reservation));
        Assert.Equal(SvmStatus.Done, iommu.Link(reservation, 4, new DmaPointer(0x10_0000), new PageOrder(2), writable: true, out DeviceAddress address));
        Assert.Throws<InvalidOperationException>(() => iommu.Link(reservation, 4, new DmaPointer(0x20_0000), PageOrder.Small, writable: true, out _)); // Linked already.
        Assert.Throws<InvalidOperationException>(() => iommu.Link(reservation, 1, new DmaPointer(0x20_0000), new PageOrder(1), writable: true, out _)); // Unaligned.
        Assert.Throws<InvalidOperationException>(() => iommu.Link(reservation, 16, new DmaPointer(0x20_0000), PageOrder.Small, writable: true, out _)); // Outside.
        Assert.Equal(SvmStatus.CopyFailed, iommu.Link(reservation, 0, default, PageOrder.Small, writable: true, out _));
        Assert.Throws<InvalidOperationException>(() => iommu.Unmap(address)); // Not sealed.
        Assert.Throws<InvalidOperationException>(() => iommu.Seal(new DmaReservation(reservation.Address + 4096, PageOrder.Small))); // Never made.
        iommu.Seal(reservation);
        Assert.Throws<InvalidOperationException>(() => iommu.Seal(reservation));
        Assert.Throws<InvalidOperationException>(() => iommu.Unmap(default));
        Assert.Throws<InvalidOperationException>(() => iommu.Unmap(new DeviceAddress(reservation.Address, AddressProtocol.System, new PageOrder(4), writable: true))); // Of 16 pages 4 are mapped.
        Assert.Throws<InvalidOperationException>(() => iommu.Unmap(new DeviceAddress(address.Address, AddressProtocol.LocalMemory, PageOrder.Small, writable: true)));
        Assert.Throws<InvalidOperationException>(() => iommu.Unmap(new DeviceAddress(0x10_0000, AddressProtocol.System, PageOrder.Small, writable: true))); // A pointer.
        Assert.Equal(4, iommu.LivePages);
        iommu.Unmap(address);
        Assert.Equal((0, 1024), (iommu.LivePages, iommu.FreePages));
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(0x4001L)]
    [InlineData(1L << 51)]
    public void WhatCannotBeMappedFails(long pointer) =>
        Assert.Equal(SvmStatus.CopyFailed, new SoftwareGpuIommu(4096).Map(new DmaPointer((nint)pointer), PageOrder.Small, writable: true, out _));

    [Fact]
    public void AddressesRunOutAndAreUsedAgain()
    {
        SoftwareGpuIommu iommu = new(48 << PageSize.Shift);
        Assert.Equal(SvmStatus.CopyFailed, iommu.Map(new DmaPointer(0x10_0000), PageOrder.Huge, writable: true, out _));
        Assert.Equal(SvmStatus.Done, iommu.Map(new DmaPointer(0x10_0000), new PageOrder(5), writable: true, out DeviceAddress first));
        Assert.Equal(SvmStatus.Done, iommu.Map(new DmaPointer(0x10_0000), new PageOrder(4), writable: true, out DeviceAddress second)); // The same host pages: an address of its own.
        Assert.NotEqual(first.Address, second.Address);
        Assert.Equal(SvmStatus.CopyFailed, iommu.Map(new DmaPointer(0x10_0000), PageOrder.Small, writable: true, out _));
        iommu.Unmap(first);
        Assert.Equal(SvmStatus.Done, iommu.Map(new DmaPointer(0x20_0000), PageOrder.Small, writable: true, out DeviceAddress third));
        iommu.Unmap(second);
        iommu.Unmap(third);
        Assert.Equal((0, 48), (iommu.LivePages, iommu.FreePages));
    }

    [Theory]
    [InlineData(-4096L)]
    [InlineData(4097L)]
    [InlineData((1L << 40) + 4096)]
    public void ASpaceOfABadSizeIsRefused(long bytes) =>
        Assert.Contains("IommuBytes", Assert.Throws<ArgumentException>(() => new SoftwareGpuDevice(new SoftwareGpuOptions { IommuBytes = bytes })).Message, StringComparison.Ordinal);

    private static bool IsWrong(SoftwareGpuIommu iommu, Dictionary<ulong, (nint Pointer, bool Writable)> model, int page)
    {
        ulong address = SoftwareGpuIommu.BaseAddress + ((ulong)page << PageSize.Shift);
        return model.GetValueOrDefault(address).Pointer != iommu.PointerOf(address).Value;
    }

    private static void Note(Dictionary<ulong, (nint Pointer, bool Writable)> model, List<DeviceAddress> mapped, DeviceAddress address, nint pointer, bool writable)
    {
        Assert.True((address.Address & ((ulong)address.Order.Bytes - 1)) == 0 && address.IsWritable == writable);
        mapped.Add(address);
        for (int page = 0; page < address.Order.Pages; page++)
            model.Add(address.Part(page, PageOrder.Small).Address, (pointer + (page * PageSize.Bytes), writable)); // Throws where two mappings overlap.
    }
}
