// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>Scattered pages of an interval behind an IOMMU: side by side in device addresses, in as few entries as addresses allow.</summary>
public sealed unsafe class PackingTests
{
    private const int Space = 4096; // Pages of device addresses.

    [Fact]
    public void ScatteredPagesBecomeOneEntryAndOnePageTableEntryOf2MiB()
    {
        using Machine machine = NewMachine();
        AddressRange memory = Scatter(machine, PageSize.PagesPerHuge);
        for (int page = 0; page < 512; page++)
        {
            Assert.Equal(page + 1, machine.GpuLoad(At(memory, page)));
            machine.GpuStore(At(memory, page) + 8, -page);
        }

        DeviceAddress entry = Assert.Single(Range(machine, memory).PagesOf(0)!.Addresses.ToArray());
        Assert.Equal(PageOrder.Huge, entry.Order);
        Assert.Equal(SoftwareGpuPageClass.Huge, ((SoftwareGpuPageTable)machine.Vm.PageTable).LookupSize(memory.Start));
        Assert.Equal((512, Space - 512), (machine.Device.DmaMapper.LivePages, machine.Device.Iommu!.FreePages));
        Assert.True(Neighbours(machine, entry) < 64, "The pages are not scattered: the test shows nothing.");
        machine.Check();
        for (int page = 0; page < 512; page++)
            Assert.Equal(-page, machine.CpuLoad(At(memory, page) + 8));
    }

    [Fact]
    public void WithoutAnIommuTheSamePagesAreHundredsOfEntries()
    {
        using var machine = new Machine(vm: new GpuVmOptions { Placement = new SystemPlacement() });
        AddressRange memory = Scatter(machine, PageSize.PagesPerHuge);
        machine.GpuStore(memory.Start, 1);
        Assert.True(Range(machine, memory).PagesOf(0)!.Addresses.Length > 400);
        Assert.Equal(SoftwareGpuPageClass.Small, ((SoftwareGpuPageTable)machine.Vm.PageTable).LookupSize(memory.Start));
    }

    /// <summary>INV-9 and INV-11, and no entry more than the addresses of the interval ask for.</summary>
    [Fact]
    public void AnyIntervalHasTheFewestEntriesThatItsAddressesAllow()
    {
        using Machine machine = NewMachine();
        AddressRange memory = Scatter(machine, 1536);
        SvmNotifier notifier = NotifierOf(machine, memory);
        var pages = new SvmPages(machine.Device);
        Gen.Select(Gen.Int[0, 1023], Gen.Int[1, 512]).Sample((first, count) =>
        {
            AddressRange interval = AddressRange.OfPages(At(memory, first), count);
            Assert.Equal(SvmStatus.Done, Get(machine, pages, notifier, interval));
            Assert.Equal(Fewest(interval), pages.Addresses.ToArray().Select(entry => entry.Order.Value));
            VirtualAddress at = interval.Start;
            foreach (DeviceAddress entry in pages.Addresses)
            {
                for (int page = 0; page < entry.Order.Pages; page++, at += PageSize.Bytes)
                    Assert.Equal(Pointer(machine, at), machine.Device.Iommu!.PointerOf(entry.Part(page, PageOrder.Small).Address));
            }

            Unmap(pages, notifier);
            Assert.Equal((0, Space), (machine.Device.DmaMapper.LivePages, machine.Device.Iommu!.FreePages));
        }, iter: 60, threads: 1);
    }

    [Fact]
    public void DevicePagesAreHolesInTheReservation()
    {
        using Machine machine = Mixed(out AddressRange memory, out SvmNotifier notifier);
        var pages = new SvmPages(machine.Device);
        Assert.Equal(SvmStatus.Done, Get(machine, pages, notifier, memory));
        DeviceAddress[] entries = pages.Addresses.ToArray();
        Assert.Equal(Enumerable.Repeat(PageOrder.Medium, 32), entries.Select(entry => entry.Order)); // Each of the 64 KiB blocks is one entry, wherever it is.
        for (int block = 0; block < entries.Length; block++)
        {
            Assert.Equal(block % 2 == 0 ? AddressProtocol.LocalMemory : AddressProtocol.System, entries[block].Protocol);
            if (block % 2 != 0)
                Assert.Equal(entries[1].Address + ((ulong)(block - 1) << 16), entries[block].Address);
        }

        Assert.Equal((256, Space - 512), (machine.Device.DmaMapper.LivePages, machine.Device.Iommu!.FreePages));
        pages.Free(notifier);
        Assert.Equal((0, Space), (machine.Device.DmaMapper.LivePages, machine.Device.Iommu!.FreePages));
    }

    /// <summary>INV-22: whatever fails in the middle, system and device mappings before it are undone, and the span is free again.</summary>
    [Theory]
    [InlineData(InjectionPoint.DmaMap, SvmStatus.CopyFailed)]
    [InlineData(InjectionPoint.DeviceMap, SvmStatus.CopyFailed)]
    [InlineData(InjectionPoint.DmaReserve, SvmStatus.Done)]
    public void AFailureAtAnyPieceUndoesEverything(InjectionPoint point, SvmStatus expected)
    {
        using Machine machine = Mixed(out AddressRange memory, out SvmNotifier notifier);
        var pages = new SvmPages(machine.Device);
        Injection.Reset();
        Assert.Equal(SvmStatus.Done, Get(machine, pages, notifier, memory));
        Unmap(pages, notifier);
        int hits = (int)Injection.Hits(point);
        Assert.True(hits > 0);
        for (int nth = 1; nth <= hits; nth++)
        {
            Injection.Arm(point, nth);
            Assert.Equal(expected, Get(machine, pages, notifier, memory));
            Assert.Equal(expected == SvmStatus.Done, pages.HasDmaMapping);
            Unmap(pages, notifier);
            Assert.Equal((0, Space), (machine.Device.DmaMapper.LivePages, machine.Device.Iommu!.FreePages));
            Assert.Equal(0, pages.Addresses.Length);
        }

        Injection.Reset();
    }

    /// <summary>A hole, then a split, then the rest piece by piece: the span lives as long as one of its pages.</summary>
    [Fact]
    public void AReservationEndsWithItsLastPageHoweverItIsTakenApart()
    {
        using Machine machine = NewMachine();
        AddressRange probe = machine.Allocate(PageSize.HugeBytes);
        AddressRange memory = AddressRange.OfBytes(probe.End + (64L * PageSize.HugeBytes), PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(memory.Start, memory.Bytes));
        Fill(machine, memory);
        Assert.Equal(1, machine.GpuLoad(memory.Start));
        Assert.Single(Range(machine, memory).PagesOf(0)!.Addresses.ToArray());
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(AddressRange.OfPages(At(memory, 37), 1)));
        Assert.Equal(511, machine.Device.DmaMapper.LivePages);
        long faults = machine.Vm.Counters.Faults;
        machine.Vm.Collect();
        machine.Check();
        for (int page = 38; page < 512; page++)
            Assert.Equal(page + 1, machine.GpuLoad(At(memory, page))); // The smaller ranges have adopted their parts: no map, no fault.
        Assert.Equal((faults, 511, Space - 512), (machine.Vm.Counters.Faults, machine.Device.DmaMapper.LivePages, machine.Device.Iommu!.FreePages));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(AddressRange.OfPages(At(memory, 38), 474)));
        machine.Check();
        Assert.Equal((37, Space - 512), (machine.Device.DmaMapper.LivePages, machine.Device.Iommu!.FreePages));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(memory));
        Assert.Equal((0, Space), (machine.Device.DmaMapper.LivePages, machine.Device.Iommu!.FreePages));
    }

    [Fact]
    public void WithoutRoomInOnePieceEachPageIsMappedByItself()
    {
        using Machine machine = NewMachine(space: 1023); // One span of 2 MiB, and 511 pages beside it.
        AddressRange memory = Scatter(machine, PageSize.PagesPerHuge);
        SvmNotifier notifier = NotifierOf(machine, memory);
        Assert.True(machine.Device.Iommu!.TryReserve(512, out DmaReservation taken));
        var pages = new SvmPages(machine.Device);
        AddressRange part = AddressRange.OfPages(memory.Start, 300);
        Assert.Equal(SvmStatus.Done, Get(machine, pages, notifier, part));
        Assert.True(pages.Addresses.Length > 200);
        Assert.Equal((300, 211), (machine.Device.DmaMapper.LivePages, machine.Device.Iommu.FreePages));
        pages.Free(notifier);
        Assert.Equal(SvmStatus.CopyFailed, Get(machine, pages, notifier, memory)); // 512 do not fit at all.
        Assert.False(pages.HasDmaMapping);
        Assert.Equal((0, 511), (machine.Device.DmaMapper.LivePages, machine.Device.Iommu.FreePages));
        machine.Device.Iommu.Seal(taken);
        Assert.Equal(SvmStatus.Done, Get(machine, pages, notifier, memory));
        Assert.Single(pages.Addresses.ToArray());
        pages.Free(notifier);
    }

    [Fact]
    public void PagesThatTheDeviceHasForItselfArePackedToo()
    {
        using Machine machine = NewMachine();
        AddressRange memory = Scatter(machine, 16);
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start, MemoryAccess.Atomic));
        DeviceAddress entry = Assert.Single(Range(machine, memory).PagesOf(0)!.Addresses.ToArray());
        Assert.True(entry is { AllowsAtomics: true, IsExclusive: true } && entry.Order == PageOrder.Medium);
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start).AllowsAtomics);
        machine.GpuStore(memory.Start, 7);
        Assert.Equal(7, machine.CpuLoad(memory.Start));
        machine.Check();
    }

    /// <summary>Pages that move need no packing: they leave into one block of staging, and come back from one. Each way the engine is called once.</summary>
    [Fact]
    public void TwoMiBOfScatteredPagesMoveInOneCopyEachWay()
    {
        using var machine = new Machine(checksSteps: false);
        AddressRange memory = Scatter(machine, PageSize.PagesPerHuge);
        Injection.Reset(); // The points before each copy count them.
        machine.GpuStore(memory.Start + 8, 7);
        Assert.True(machine.IsOnDevice(memory.Start) && machine.IsOnDevice(At(memory, 511)));
        Assert.Equal((1, 0), (Injection.Hits(InjectionPoint.CopyToDevice), Injection.Hits(InjectionPoint.CopyToHost)));
        Assert.Equal(512, machine.CpuLoad(At(memory, 511)));
        Assert.False(machine.IsOnDevice(memory.Start));
        Assert.Equal((1, 1), (Injection.Hits(InjectionPoint.CopyToDevice), Injection.Hits(InjectionPoint.CopyToHost)));
    }

    /// <summary>Kernels write through pointers without pause while their page goes to a device and comes back in another frame: the simulated memory finds a write to a freed one.</summary>
    [Fact]
    public void AKernelsWindowNeverOutlivesTheMappingOfItsPage()
    {
        using var machine = new KernelMachine(devices: 2, placement: new SystemPlacement(), iommuBytes: 4 << 20);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        var launches = new SoftwareGpuLaunch[2];
        var arguments = new PeerKernels.Counters*[2];
        for (int i = 0; i < 2; i++)
        {
            arguments[i] = machine.Arguments(new PeerKernels.Counters { Address = memory.Start.Value + ((ulong)i * 8) });
            launches[i] = machine.Start(i, &PeerKernels.HammerByWindow, arguments[i]);
        }

        for (int round = 0; round < 40; round++)
        {
            for (int i = 0; i < 2; i++)
            {
                Volatile.Write(ref arguments[i]->Started, 0);
                Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref arguments[i]->Started) != 0, 20_000)); // It has written since.
            }

            AddressRange part = AddressRange.OfPages(memory.Start, round % 4 < 2 ? 512 : 16); // Sometimes its neighbours stay, and it becomes scattered.
            Assert.Equal(SvmStatus.Done, machine.Vms[round % 2].Prefetch(part, PrefetchTarget.Device, out _));
            Assert.Equal(SvmStatus.Done, machine.Vms[round % 2].Prefetch(part, PrefetchTarget.System, out _));
        }

        machine.Free(memory); // Not an unmap by the program: of that this memory tells when the pages are gone, as userfaultfd does, and a window may be open until then.
        foreach (SoftwareGpuLaunch launch in launches)
        {
            KernelMachine.Wait(launch);
            Assert.Equal(SvmStatus.NotMapped, launch.Status);
        }
    }

    private static Machine NewMachine(int space = Space) =>
        new(vm: new GpuVmOptions { Placement = new SystemPlacement() }, checksSteps: false, iommuBytes: (long)space * PageSize.Bytes); // A pages object without a range is not accounted for.

    /// <summary>A machine with 2 MiB of which every other 64 KiB are on the device and the rest is scattered in RAM; nothing is mapped for the device.</summary>
    private static Machine Mixed(out AddressRange memory, out SvmNotifier notifier)
    {
        var machine = new Machine(checksSteps: false, iommuBytes: Space * PageSize.Bytes, vm: new GpuVmOptions { Placement = new Machine.AlwaysMigrate(), ChunkOrders = [PageOrder.Medium, PageOrder.Small] });
        memory = Scatter(machine, PageSize.PagesPerHuge);
        for (int page = 0; page < 512; page += 32)
            machine.GpuStore(At(memory, page), page + 1);
        notifier = machine.Vm.Mirror.FirstNotifier(memory)!;
        return machine;
    }

    private static AddressRange Scatter(Machine machine, int pages)
    {
        AddressRange memory = machine.Allocate((long)pages * PageSize.Bytes);
        Fill(machine, memory);
        return memory;
    }

    /// <summary>Lets the CPU touch pages in random order, so that neighbours get frames that are none; each holds its number plus one.</summary>
    private static void Fill(Machine machine, AddressRange memory)
    {
        int[] order = [.. Enumerable.Range(0, (int)memory.Pages)];
        new Random(512).Shuffle(order);
        foreach (int page in order)
        {
            Assert.Equal(SvmStatus.Done, machine.Host.Populate(AddressRange.OfPages(At(memory, page), 1), MemoryAccess.Write)); // By itself, so that it gets no huge page.
            machine.CpuStore(At(memory, page), page + 1);
        }
    }

    /// <summary>How many pages of an entry are followed by the next one in host memory too.</summary>
    private static int Neighbours(Machine machine, DeviceAddress entry) => Enumerable.Range(0, entry.Order.Pages - 1).Count(page =>
        machine.Device.Iommu!.PointerOf(entry.Part(page + 1, PageOrder.Small).Address) == machine.Device.Iommu.PointerOf(entry.Part(page, PageOrder.Small).Address) + PageSize.Bytes);

    /// <summary>The orders of the largest aligned blocks that an interval falls into.</summary>
    private static IEnumerable<byte> Fewest(AddressRange interval)
    {
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            byte order = PageOrder.Huge.Value;
            while (!at.IsAligned(new PageOrder(order)) || at + new PageOrder(order).Bytes > interval.End)
                order--;
            yield return order;
            at += new PageOrder(order).Bytes;
        }
    }

    private static DmaPointer Pointer(Machine machine, VirtualAddress address)
    {
        var pages = new HostPage[1];
        Assert.Equal(SvmStatus.Done, machine.Memory.Query(AddressRange.OfPages(address, 1), pages));
        return pages[0].Pointer;
    }

    private static GpuRange Range(Machine machine, AddressRange memory) => (GpuRange)machine.Vm.Mirror.FirstNotifier(memory)!.Ranges.Find(memory.Start)!;

    /// <summary>The notifier of memory of which nothing is mapped for the device: made by a fault that is undone.</summary>
    private static SvmNotifier NotifierOf(Machine machine, AddressRange memory)
    {
        Assert.Equal(SvmStatus.Done, machine.Fault(memory.Start, MemoryAccess.Read));
        SvmNotifier notifier = machine.Vm.Mirror.FirstNotifier(memory)!;
        machine.Host.EnterEventGate();
        machine.Host.ProtectionChanged(memory);
        machine.Host.LeaveEventGate();
        return notifier;
    }

    private static SvmStatus Get(Machine machine, SvmPages pages, SvmNotifier notifier, AddressRange interval)
    {
        HostWorkspace workspace = machine.Host.RentWorkspace();
        SvmStatus status = pages.Get(machine.Host, notifier, interval, new SvmContext(machine.Vm.Pagemap.OwnerToken, AllowMixed: true), workspace);
        machine.Host.ReturnWorkspace(workspace);
        return status;
    }

    private static void Unmap(SvmPages pages, SvmNotifier notifier)
    {
        using (notifier.Lock.EnterWrite())
            pages.UnmapLocked(notifier);
    }

    private static VirtualAddress At(AddressRange memory, int page) => memory.Start + ((long)page * PageSize.Bytes);
}
