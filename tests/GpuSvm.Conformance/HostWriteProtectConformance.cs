// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>WriteProtect, and attaching read-only.</summary>
public abstract class HostWriteProtectConformance : HostMemoryConformance
{
    private const HostMemoryCapabilities Needs = HostMemoryCapabilities.WriteProtect | HostMemoryCapabilities.CpuFaults;

    [Fact]
    public void WithoutTheCapabilityItIsNotSupported() => Run(machine =>
    {
        Assert.SkipWhen(machine.Has(HostMemoryCapabilities.WriteProtect), "needs a memory without WriteProtect");
        AddressRange interval = machine.Allocate(4);
        machine.CpuFill(interval);
        Assert.Equal(SvmStatus.NotSupported, machine.Memory.WriteProtect(interval, protect: true));
        machine.CpuFill(interval, seed: 2);
        machine.AssertPattern(interval, seed: 2);
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void AProtectedPageIsPresentAndNotWritable(int pages) => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        machine.CpuFill(interval);
        Protect(machine, interval, protect: true);
        Assert.All(machine.Query(interval), page => Assert.True(page.IsPresent && !page.IsWritable));
        Protect(machine, interval, protect: false);
        Assert.All(machine.Query(interval), page => Assert.True(page.IsPresent && page.IsWritable));
    });

    [Fact]
    public void ReadingAProtectedPageIsNotAnnounced() => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.CpuFill(interval);
        Protect(machine, interval, protect: true);
        int faults = machine.Client.Faults.Count;
        machine.AssertPattern(interval);
        Assert.Equal(faults, machine.Client.Faults.Count);
    });

    [Fact]
    public void WritingAProtectedPageIsAnnouncedOnce() => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(4), second = AddressRange.OfPages(interval.Start + PageSize.Bytes, 1);
        machine.CpuFill(interval);
        Protect(machine, interval, protect: true);
        int faults = machine.Client.Faults.Count;
        machine.CpuFill(second, seed: 2);
        machine.CpuFill(second, seed: 3);
        Assert.Equal(faults + 1, machine.Client.Faults.Count);
        Assert.Equal((second.Start, MemoryAccess.Write), (machine.Client.Faults[^1].Page, machine.Client.Faults[^1].Access));
        machine.AssertPattern(second, seed: 3);
        machine.AssertPattern(AddressRange.OfPages(interval.Start, 1));
        Assert.False(machine.Query(interval)[2].IsWritable);
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void PagesAreCopiedIntoAStagingBlockAndStayTheCpus(int pages) => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        machine.CpuFill(interval);
        Protect(machine, interval, protect: true);
        int faults = machine.Client.Faults.Count;
        HostStaging staging = machine.Memory.AcquireStaging(interval, forAttach: true)!;
        Assert.Equal(SvmStatus.Done, machine.Memory.ReadInto(interval, staging, 0));
        byte[] bytes = new byte[interval.Bytes];
        DmaBytes.Read(staging.Pointer, bytes);
        machine.Memory.ReleaseStaging(staging);
        Assert.Equal(Pattern.Of(interval.Start, interval.Bytes), bytes);
        machine.AssertPattern(interval);
        Assert.Equal(faults, machine.Client.Faults.Count);
        Assert.All(machine.Query(interval), page => Assert.True(page.IsPresent && !page.IsWritable));
    });

    [Fact]
    public void WhatIsAbsentOrNoBlockIsNotCopied() => Run(Needs | HostMemoryCapabilities.LazyZero, machine =>
    {
        AddressRange interval = machine.AllocateAligned(4);
        machine.CpuFill(AddressRange.OfPages(interval.Start, 1));
        HostStaging staging = machine.Memory.AcquireStaging(interval, forAttach: true)!;
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.ReadInto(interval, staging, 0));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.ReadInto(interval, staging, 1));
        Assert.Equal(SvmStatus.InvalidArgument, machine.Memory.ReadInto(new AddressRange(interval.Start + 8, interval.End), staging, 0));
        machine.Memory.ReleaseStaging(staging);
    });

    [Fact]
    public void AWriterWaitsUntilProtectionIsTakenAway() => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(1);
        machine.CpuFill(interval);
        Protect(machine, interval, protect: true);
        machine.Client.HoldFaults();
        int before = machine.Client.Faults.Count;
        var program = new ProgramThread(() => machine.CpuFill(interval, seed: 2));
        machine.Client.WaitUntil((faults, _) => faults.Count > before, "the fault");
        machine.AssertPattern(interval);
        Protect(machine, interval, protect: false);
        program.Join();
        machine.Client.ServeFaults(interval);
        machine.AssertPattern(interval, seed: 2);
    });

    [Fact]
    public void PopulatingForWriteTakesProtectionAway() => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.CpuFill(interval);
        Protect(machine, interval, protect: true);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Read));
        Assert.All(machine.Query(interval), page => Assert.False(page.IsWritable));
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Write));
        Assert.All(machine.Query(interval), page => Assert.True(page.IsWritable));
        machine.AssertPattern(interval);
    });

    [Fact]
    public void AbsentPagesStayAbsent() => Run(Needs | HostMemoryCapabilities.LazyZero, machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.CpuFill(AddressRange.OfPages(interval.Start, 1));
        Protect(machine, interval, protect: true);
        Assert.All(machine.Query(interval)[1..], page => Assert.False(page.IsPresent));
        Protect(machine, interval, protect: false);
        machine.CpuFill(interval);
        machine.AssertPattern(interval);
    });

    [Fact]
    public void ProtectingAPartOfAHugePageLeavesTheRest() => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(PageSize.PagesPerHuge);
        Assert.Equal(SvmStatus.Done, machine.Memory.Populate(interval, MemoryAccess.Write));
        machine.CpuFill(interval);
        Protect(machine, AddressRange.OfPages(interval.Start + 10 * PageSize.Bytes, 3), protect: true);
        HostPage[] state = machine.Query(interval);
        for (int i = 0; i < state.Length; i++)
            Assert.Equal(i is < 10 or > 12, state[i].IsWritable);
        machine.CpuFill(interval, seed: 2);
        machine.AssertPattern(interval, seed: 2);
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void ProtectedPagesMoveWithTheirBytes(int pages) => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        machine.CpuFill(interval);
        Protect(machine, interval, protect: true);
        machine.MoveAway(interval);
        machine.AssertPattern(interval);
        machine.CpuFill(interval, seed: 2);
        machine.AssertPattern(interval, seed: 2);
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void PagesAttachedReadOnlyFaultAtTheFirstWrite(int pages) => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        machine.CpuFill(interval);
        machine.Client.AttachesWritable = false;
        machine.MoveAway(interval);
        machine.BringBack(interval.Start);
        Assert.All(machine.Query(interval), page => Assert.True(page.IsPresent && !page.IsWritable));
        int faults = machine.Client.Faults.Count;
        machine.AssertPattern(interval);
        Assert.Equal(faults, machine.Client.Faults.Count);
        machine.CpuWrite(interval.Start, [1]);
        Assert.Equal(faults + 1, machine.Client.Faults.Count);
    });

    /// <summary>Changes protection; it must work.</summary>
    private static void Protect(ConformanceMachine machine, AddressRange interval, bool protect) =>
        Assert.Equal(SvmStatus.Done, ConformanceMachine.Retried(() => machine.Memory.WriteProtect(interval, protect)));
}
