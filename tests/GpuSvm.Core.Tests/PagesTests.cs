// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>Pages objects by themselves, and the choice of a range's size against brute force.</summary>
public class PagesTests
{
    /// <summary>Device addresses, if the device stands behind an IOMMU.</summary>
    private protected virtual long IommuBytes => 0;

    /// <summary>The same behind an IOMMU.</summary>
    public sealed class BehindIommu : PagesTests
    {
        private protected override long IommuBytes => 32 << 20;
    }

    private static readonly PageOrder[] _orders = [PageOrder.Huge, PageOrder.Medium, PageOrder.Small];

    /// <summary>INV-21.</summary>
    [Fact]
    public void UnmappingTwiceIsUnmappingOnceAndFreeingIsSafeAtAnyTime()
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: new GpuVmOptions { Placement = new Policies.SystemPlacement() });
        AddressRange memory = machine.Allocate(65536);
        machine.CpuStore(memory.Start, 1);
        machine.GpuStore(memory.Start, 2);
        SvmNotifier notifier = machine.Vm.Mirror.FirstNotifier(memory)!;
        var pages = new SvmPages(machine.Device);
        pages.Free(notifier);
        Get(machine, pages, notifier, memory, default);
        long mapped = machine.Device.DmaMapper.LivePages;
        Assert.True(pages.HasDmaMapping);
        using (notifier.Lock.EnterWrite())
        using (AllocationWatch.Pause())
        {
            pages.UnmapLocked(notifier);
            long left = machine.Device.DmaMapper.LivePages;
            Assert.Equal(mapped - 16, left);
            pages.UnmapLocked(notifier);
            Assert.Equal(left, machine.Device.DmaMapper.LivePages);
        }

        pages.Free(notifier);
        pages.Free(notifier);
    }

    /// <summary>INV-19 and INV-13.</summary>
    [Fact]
    public void DeviceOnlyRefusesPagesInRamAndAnUnmappedObjectRefusesEverything()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        SvmNotifier notifier = machine.Vm.Mirror.FirstNotifier(memory)!;
        var pages = new SvmPages(machine.Device);
        var context = new SvmContext(machine.Vm.Pagemap.OwnerToken, DeviceOnly: true);
        Assert.Equal(SvmStatus.Done, Get(machine, pages, notifier, memory, context));
        Assert.True(pages.HasDevicePages);
        pages.Free(notifier);
        machine.CpuStore(memory.Start, 2);
        Assert.Equal(SvmStatus.NotMigratable, Get(machine, pages, notifier, memory, context));
        Assert.False(pages.HasDmaMapping);
        using (notifier.Lock.EnterWrite())
        using (AllocationWatch.Pause())
            pages.SetUnmappedLocked(notifier);
        Assert.Equal(SvmStatus.Unmapped, Get(machine, pages, notifier, memory, context with { DeviceOnly = false }));
    }

    /// <summary>INV-18: without permission a mix of placements is refused, and nothing stays mapped.</summary>
    [Fact]
    public void AMixOfPlacementsIsRefusedUnlessAllowed()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        VirtualAddress second = memory.Start + PageSize.HugeBytes;
        machine.CpuStore(second, 2);
        SvmNotifier notifier = machine.Vm.Mirror.FirstNotifier(memory)!;
        AddressRange across = AddressRange.OfPages(second - (256 * PageSize.Bytes), 512);
        var pages = new SvmPages(machine.Device);
        var context = new SvmContext(machine.Vm.Pagemap.OwnerToken);
        Assert.Equal(SvmStatus.MixedPlacement, Get(machine, pages, notifier, across, context));
        Assert.Equal(0, machine.Device.DmaMapper.LivePages);
        Assert.Equal(SvmStatus.Done, Get(machine, pages, notifier, across, context with { AllowMixed = true }));
        Assert.Equal(512, pages.Addresses.ToArray().Sum(entry => entry.Order.Pages));
        pages.Free(notifier);
    }

    /// <summary>INV-6.</summary>
    [Fact]
    public void EveryRangeIsTheLargestThatFitsWhereTheFaultIs() =>
        Gen.Select(Gen.Int[0, 1535], Gen.Int[1, 900], Gen.Int[0, 1535].Array[1, 12]).Sample((firstPage, pages, touches) =>
        {
            using var machine = new Machine(devicePages: 4096, iommuBytes: IommuBytes);
            VirtualAddress start = machine.Allocate(4096).End.AlignDown(PageOrder.Huge) + (64L * PageSize.HugeBytes);
            AddressRange mapping = AddressRange.OfPages(start + ((long)firstPage * PageSize.Bytes), pages);
            Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapping.Start, mapping.Bytes));
            var ranges = new List<AddressRange>();
            foreach (int touch in touches)
            {
                VirtualAddress at = mapping.Start + ((long)(touch % pages) * PageSize.Bytes);
                if (!ranges.Exists(range => range.Contains(at)))
                    ranges.Add(Array.ConvertAll(_orders, at.Block).First(block => mapping.Contains(block) && !ranges.Exists(block.Overlaps)));
                Assert.Equal(SvmStatus.Done, machine.Fault(at));
                SvmRange found = machine.Vm.Mirror.FirstNotifier(mapping)!.Ranges.Find(at)!;
                if (!ranges.Contains(found.Interval))
                    return false;
            }

            return machine.Memory.Unmap(mapping) == SvmStatus.Done;
        }, iter: 40, threads: 1);

    private static SvmStatus Get(Machine machine, SvmPages pages, SvmNotifier notifier, AddressRange interval, in SvmContext context)
    {
        Host.HostWorkspace workspace = machine.Host.RentWorkspace();
        SvmStatus status = pages.Get(machine.Host, notifier, interval, context, workspace);
        machine.Host.ReturnWorkspace(workspace);
        return status;
    }
}
