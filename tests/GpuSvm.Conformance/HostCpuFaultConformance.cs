// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>CPU threads that touch pages which are not there: announced, waiting, and given the right bytes.</summary>
public abstract class HostCpuFaultConformance : HostMemoryConformance
{
    private const HostMemoryCapabilities Needs = HostMemoryCapabilities.CpuFaults;

    [Fact]
    public void TheFirstTouchOfLazyMemoryIsAnnounced() => Run(Needs | HostMemoryCapabilities.LazyZero, machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.AssertZero(AddressRange.OfBytes(interval.Start + PageSize.Bytes + 40, 8));
        machine.CpuWrite(interval.Start + 2 * PageSize.Bytes + 48, [1]);
        Assert.Contains(machine.Client.Faults, fault => fault.Page == interval.Start + PageSize.Bytes && fault.Access == MemoryAccess.Read);
        Assert.Contains(machine.Client.Faults, fault => fault.Page == interval.Start + 2 * PageSize.Bytes && fault.Access == MemoryAccess.Write);
        Assert.DoesNotContain(machine.Client.Faults, fault => fault.Page == interval.Start);
    });

    [Fact]
    public void APresentPageIsNotAnnounced() => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.CpuFill(interval);
        int faults = machine.Client.Faults.Count;
        machine.AssertPattern(interval);
        machine.CpuFill(interval, seed: 2);
        Assert.Equal(faults, machine.Client.Faults.Count);
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void TouchingADetachedPageGetsItsBytes(int pages) => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        int faults = machine.Client.Faults.Count;
        machine.AssertPattern(interval);
        Assert.Equal(faults + 1, machine.Client.Faults.Count);

        // The program's thread goes on as soon as its page is there, a moment before the client has noted it.
        Assert.True(SpinWait.SpinUntil(() => !machine.Client.IsAway(interval.Start), 10_000));
    });

    [Theory]
    [MemberData(nameof(MigrationPages))]
    public void WritingToADetachedPageKeepsTheBytesAroundIt(int pages) => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        byte[] expected = Pattern.Of(interval.Start, interval.Bytes);
        int offset = (int)interval.Bytes - 1000;
        expected[offset] = 42;
        machine.CpuWrite(interval.Start + offset, [42]);
        machine.AssertBytes(interval.Start, expected);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ATouchDuringAMigrationWaitsForItsEnd(bool write) => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(16);
        VirtualAddress address = interval.Start + 5 * PageSize.Bytes + 16;
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        machine.Client.HoldFaults();
        byte[] seen = new byte[8];
        var program = new ProgramThread(() =>
        {
            if (write)
                machine.CpuWrite(address, new byte[8]);
            else
                machine.CpuRead(AddressRange.OfBytes(address, 8)).CopyTo(seen, 0);
        });
        machine.Client.WaitUntil((faults, _) => faults.Any(fault => fault.Page == address.AlignDown(PageOrder.Small)), "the fault");
        Assert.True(program.IsRunning);
        machine.Client.DeviceWrite(address, [9, 9, 9, 9, 9, 9, 9, 9]);
        machine.BringBack(address);
        machine.Client.ServeFaults(interval);
        program.Join();
        byte[] expected = write ? new byte[8] : [9, 9, 9, 9, 9, 9, 9, 9];
        machine.AssertBytes(address, expected);
        if (!write)
            Assert.Equal(expected, seen);
    });

    [Fact]
    public void OtherPagesCanBeUsedWhileOneWaits() => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(2), first = AddressRange.OfPages(interval.Start, 1), second = AddressRange.OfPages(first.End, 1);
        machine.CpuFill(interval);
        machine.MoveAway(first);
        machine.Client.HoldFaults();
        var program = new ProgramThread(() => machine.AssertPattern(first));
        machine.Client.WaitUntil((faults, _) => faults.Any(fault => fault.Page == first.Start), "the fault");
        machine.AssertPattern(second);
        machine.CpuFill(second, seed: 2);
        Assert.True(program.IsRunning);
        machine.Client.ServeFaults(interval);
        program.Join();
        machine.AssertPattern(second, seed: 2);
    });

    [Fact]
    public void WakingLetsAWaitingThreadTryAgain() => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(1);
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        machine.Client.HoldFaults();
        int before = machine.Client.Faults.Count;
        var program = new ProgramThread(() => machine.AssertPattern(interval));
        for (int round = 1; round <= 5; round++)
        {
            machine.Client.WaitUntil((faults, _) => faults.Count >= before + round, $"fault {round}");
            machine.Memory.Wake(interval);
        }

        machine.Client.ServeFaults(interval);
        program.Join();
    });

    [Fact]
    public void AThreadThatWaitsForALazyPageIsWokenByPopulate() => Run(Needs | HostMemoryCapabilities.LazyZero, machine =>
    {
        AddressRange interval = machine.Allocate(4);
        machine.Client.HoldFaults();
        var program = new ProgramThread(() => machine.AssertZero(interval));
        machine.Client.WaitUntil((faults, _) => faults.Count > 0, "the fault");
        Assert.Equal(SvmStatus.Done, ConformanceMachine.Retried(() => machine.Memory.Populate(interval, MemoryAccess.Write)));
        program.Join();
        machine.Client.ServeFaults(interval);
    });

    [Fact]
    public void AThreadThatWaitsForADetachedPageIsWokenByAttach() => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(16);
        machine.CpuFill(interval);
        HostStaging? staging = machine.Memory.AcquireStaging(interval, forAttach: false);
        Assert.NotNull(staging);
        Assert.Equal(SvmStatus.Done, ConformanceMachine.Retried(() => machine.Memory.Detach(interval, staging)));
        machine.Client.HoldFaults();
        int before = machine.Client.Faults.Count;
        var program = new ProgramThread(() => machine.AssertPattern(interval));
        machine.Client.WaitUntil((faults, _) => faults.Count > before, "the fault");
        Assert.Equal(SvmStatus.Done, machine.Memory.Attach(interval, staging, writable: true));
        program.Join();
        machine.Memory.ReleaseStaging(staging);
        machine.Client.ServeFaults(interval);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(PageSize.PagesPerHuge)]
    public void TwoThreadsThatTouchTheSameDetachedPageBothGetItsBytes(int pages) => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        for (int round = 0; round < 20; round++)
        {
            machine.CpuFill(interval, round);
            machine.MoveAway(interval);
            using var start = new Barrier(2);
            ProgramThread[] threads = [.. Enumerable.Range(0, 2).Select(_ => new ProgramThread(() =>
            {
                start.SignalAndWait();
                machine.AssertPattern(interval, round);
            }))];
            foreach (ProgramThread thread in threads)
                thread.Join();
        }
    });

    [Theory]
    [InlineData(1, 2000)]
    [InlineData(16, 1000)]
    [InlineData(PageSize.PagesPerHuge, 100)]
    public void NoWriteIsLostWhilePagesComeAndGo(int pages, int increments) => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(pages);
        machine.CpuFill(interval);
        VirtualAddress[] counters = [interval.Start + 8, interval.Start + 16, interval.End - 8];
        foreach (VirtualAddress counter in counters)
            machine.CpuWrite(counter, new byte[8]);
        int progress = 0;
        ProgramThread[] threads = [.. counters.Select(counter => new ProgramThread(() =>
        {
            byte[] bytes = new byte[8];
            for (int i = 0; i < increments; i++)
            {
                Assert.Equal(SvmStatus.Done, machine.Fixture.CpuRead(machine.Memory, counter, bytes));
                Assert.Equal(i, MemoryMarshal.Read<long>(bytes));
                MemoryMarshal.Write(bytes, (long)(i + 1));
                Assert.Equal(SvmStatus.Done, machine.Fixture.CpuWrite(machine.Memory, counter, bytes));
                Interlocked.Increment(ref progress);
            }
        }))];
        int moves = 0;
        while (threads.Any(thread => thread.IsRunning) || moves < 10)
        {
            // The program takes a step between two moves: it must not be starved, since nothing promises it fairness.
            int before = Volatile.Read(ref progress);
            SpinWait.SpinUntil(() => Volatile.Read(ref progress) != before || !threads.Any(thread => thread.IsRunning));
            SvmStatus status = machine.Client.MoveAway(interval);
            Assert.True(status is SvmStatus.Done or SvmStatus.Busy, $"MoveAway answered {status}.");
            moves += status.IsDone() ? 1 : 0;
            if (moves % 2 == 0 || status == SvmStatus.Busy)
                machine.Client.BringBack(interval.Start);
        }

        foreach (ProgramThread thread in threads)
            thread.Join();
        foreach (VirtualAddress counter in counters)
            machine.AssertBytes(counter, BitConverter.GetBytes((long)increments));
        machine.AssertPattern(AddressRange.OfBytes(interval.Start + 24, interval.Bytes - 32));
    });

    [Fact]
    public void AnAccessOutsideAnyMappingIsASignal() => Run(Needs, machine =>
    {
        Assert.SkipUnless(machine.Fixture.ReportsSignals, "needs a program whose signals can be seen");
        AddressRange interval = machine.Allocate(1);
        machine.CpuFill(interval);
        machine.Free(interval);
        Assert.Equal(SvmStatus.NotMapped, machine.Fixture.CpuRead(machine.Memory, interval.Start, new byte[1]));
        Assert.Equal(SvmStatus.NotMapped, machine.Fixture.CpuWrite(machine.Memory, interval.Start, new byte[1]));
    });
}
