// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>User pointers on the same pages calls as ranges.</summary>
public class UserptrTests
{
    /// <summary>Device addresses, if the device stands behind an IOMMU.</summary>
    private protected virtual long IommuBytes => 0;

    /// <summary>The same behind an IOMMU.</summary>
    public sealed class BehindIommu : UserptrTests
    {
        private protected override long IommuBytes => 32 << 20;
    }

    private static readonly VirtualAddress _window = new((1UL << 47) + (3 << 21));

    [Theory]
    [InlineData(0, 5)]
    [InlineData(3, 1030)] // The two sides cross their 2 MiB boundaries at different places.
    public void TheGpuReadsAndWritesTheProgramsMemoryAtAnAddressOfItsOwn(int gpuOffsetPages, int pages)
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate((long)pages * PageSize.Bytes);
        for (int i = 0; i < pages; i += 3)
            machine.CpuStore(memory.Start + ((long)i * PageSize.Bytes), i);
        VirtualAddress shown = _window + ((long)gpuOffsetPages * PageSize.Bytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(memory, shown, isReadOnly: false, out GpuUserptr? userptr));
        for (int i = 0; i < pages; i++)
        {
            VirtualAddress at = shown + ((long)i * PageSize.Bytes);
            Assert.Equal(i % 3 == 0 ? i : 0, machine.GpuLoad(at));
            machine.GpuStore(at + 8, i + 1);
        }

        machine.Check();
        for (int i = 0; i < pages; i++)
            Assert.Equal(i + 1, machine.CpuLoad(memory.Start + ((long)i * PageSize.Bytes) + 8));
        Assert.Equal(SvmStatus.Done, machine.Vm.UnbindUserptr(userptr!));
        Assert.Equal(SvmStatus.InvalidHandle, machine.Vm.UnbindUserptr(userptr!));
        Assert.Equal(SvmStatus.NotMapped, machine.Fault(shown));
    }

    [Fact]
    public void WindowsThatOverlapOrAreUnalignedAreRefused()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(64 * PageSize.Bytes);
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.BindUserptr(memory, new VirtualAddress(1 << 20), false, out _)); // In the mirror's window.
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.BindUserptr(memory, _window + 8, false, out _));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.BindUserptr(new AddressRange(memory.Start, memory.Start), _window, false, out _));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.BindUserptr(memory, new VirtualAddress((1UL << 48) - PageSize.Bytes), false, out _));
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(memory, _window, false, out _));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Vm.BindUserptr(memory, _window + PageSize.Bytes, false, out _));
        Assert.Equal(1, machine.Vm.Mirror.NotifierCount); // The refused ones are not watched; the last one ends with the VM.
    }

    [Fact]
    public void AReadOnlyUserPointerIsMappedToTheDeviceOnly()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.Bytes);
        machine.CpuStore(memory.Start, 5);
        Assert.Equal(SvmStatus.Done, machine.Memory.Protect(memory, HostProtection.ReadOnly));
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(memory, _window, isReadOnly: true, out _));
        Assert.Equal(5, machine.GpuLoad(_window));
        Assert.False(machine.Vm.PageTable.Lookup(_window).IsWritable);
        Assert.Equal(SvmStatus.ReadOnly, machine.Fault(_window, MemoryAccess.Write));
    }

    /// <summary>Memory mapped anew over a user pointer is what the next use sees.</summary>
    [Fact]
    public void NewMemoryUnderAUserPointerIsSeenByTheNextUse()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange probe = machine.Allocate(PageSize.Bytes);
        AddressRange mapped = AddressRange.OfPages(probe.End + (64L * PageSize.HugeBytes), 32);
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(mapped, _window, isReadOnly: false, out GpuUserptr? userptr)); // Not mapped yet.
        Assert.Equal(SvmStatus.NotMapped, userptr!.Validate(0));
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes));
        machine.CpuStore(mapped.Start, 1);
        Assert.Equal(SvmStatus.Done, userptr.Validate(0));
        Assert.Equal(1, machine.GpuLoad(_window));
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(mapped.Start, mapped.Bytes)); // MAP_FIXED over it.
        Assert.False(machine.Vm.PageTable.Lookup(_window).IsPresent);
        machine.CpuStore(mapped.Start, 2);
        Assert.Equal(2, machine.GpuLoad(_window));
        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(mapped));
        Assert.Equal(SvmStatus.NotMapped, machine.Fault(_window));
        machine.Check();
    }

    /// <summary>R-29: the same memory as a user pointer and as faulted memory: whoever touches it last has it, and nothing is lost.</summary>
    [Fact]
    public void AUserPointerAndFaultedMemoryOverTheSameAddressesFollowEachOther()
    {
        using var machine = new Machine(iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(memory, _window, isReadOnly: false, out _));
        for (int round = 0; round < 4; round++)
        {
            machine.GpuStore(memory.Start, (round * 10) + 1);
            Assert.True(machine.IsOnDevice(memory.Start));
            Assert.False(machine.Vm.PageTable.Lookup(_window).IsPresent); // The migration took the user pointer's mapping away.
            machine.Check();
            Assert.Equal((round * 10) + 1, machine.GpuLoad(_window));
            Assert.False(machine.IsOnDevice(memory.Start)); // A user pointer never sees device pages.
            Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
            machine.GpuStore(_window + 8, round);
            machine.Check();
            Assert.Equal(round, machine.GpuLoad(memory.Start + 8));
        }

        Assert.Equal(31, machine.CpuLoad(memory.Start));
        machine.Check();
    }

    /// <summary>R-29: an event that hits both visits both, and neither lock is held while the other is taken.</summary>
    [Fact]
    public void AnEventOverAUserPointerAndARangeInvalidatesBoth()
    {
        using var machine = new Machine(iommuBytes: IommuBytes, vm: new GpuVmOptions { Placement = new Policies.SystemPlacement() });
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        machine.GpuStore(memory.Start, 1);
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(memory, _window, isReadOnly: false, out _));
        Assert.Equal(1, machine.GpuLoad(_window));
        Assert.True(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        int held = 0;
        SchedulePoint.Install((kind, subject) =>
        {
            if (kind == SchedulePointKind.LockTake && subject is RankedReaderWriterLock { Rank: LockRank.Notifier })
                held = Math.Max(held, LockOrder.HeldCount);
        });
        Assert.Equal(SvmStatus.Done, machine.Memory.DontNeed(memory));
        SchedulePoint.Install(null);
        Assert.Equal(0, held);
        Assert.False(machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
        Assert.False(machine.Vm.PageTable.Lookup(_window).IsPresent);
        Assert.Equal(0, machine.Device.DmaMapper.LivePages);
        Assert.Equal(0, machine.GpuLoad(_window));
    }

    /// <summary>INV-40: validations and faults on the same memory from several threads, with events in between.</summary>
    [Fact]
    public void UserPointerAndFaultsFromSeveralThreadsKeepTheInvariants()
    {
        using var machine = new Machine(checksSteps: false, iommuBytes: IommuBytes);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        Assert.Equal(SvmStatus.Done, machine.Vm.BindUserptr(memory, _window, isReadOnly: false, out GpuUserptr? userptr));
        machine.CpuStore(memory.Start, 42);
        Action[] work =
        [
            () => Assert.True(userptr!.Validate(0) is SvmStatus.Done or SvmStatus.Busy),
            () => Assert.True(machine.Fault(memory.Start) is SvmStatus.Done or SvmStatus.Busy),
            () => machine.Memory.CpuWrite(memory.Start + 4096, [1]),
        ];
        Thread[] threads = [.. work.Select(action => new Thread(() =>
        {
            for (int i = 0; i < 200; i++)
                action();
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            Assert.True(thread.Join(60_000), "stuck");
        machine.Check();
        Assert.Equal(42, machine.CpuLoad(memory.Start));
    }
}
