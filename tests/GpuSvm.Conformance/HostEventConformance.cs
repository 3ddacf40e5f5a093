// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>What the program does behind the library's back is announced, inside the gate.</summary>
public abstract class HostEventConformance : HostMemoryConformance
{
    private const HostMemoryCapabilities Needs = HostMemoryCapabilities.MappingEvents | HostMemoryCapabilities.CpuFaults;

    [Fact]
    public void AnUnmapIsAnnouncedInsideTheGate() => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(8);
        machine.CpuFill(interval);
        Unmap(machine, interval);
        Assert.All(machine.Client.Events, heard => Assert.True(heard.InGate));
        Assert.Equal(SvmStatus.NotMapped, machine.Memory.Query(interval, new HostPage[8]));
        machine.Forget(interval);
    });

    [Theory]
    [InlineData(0, 3)]
    [InlineData(2, 3)]
    [InlineData(5, 3)]
    public void APartialUnmapLeavesTheRest(int first, int pages) => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(8), gone = AddressRange.OfPages(interval.Start + ((long)first << PageSize.Shift), pages);
        machine.CpuFill(interval);
        Unmap(machine, gone);
        foreach (AddressRange rest in new[] { new AddressRange(interval.Start, gone.Start), new AddressRange(gone.End, interval.End) })
        {
            if (rest.IsEmpty)
                continue;
            machine.AssertPattern(rest);
            Assert.True(machine.Memory.TryFindMapping(rest.Start, out HostMapping mapping));
            Assert.True(mapping.Interval.Contains(rest));
            Assert.False(mapping.Interval.Overlaps(gone));
        }

        Assert.False(machine.Memory.TryFindMapping(gone.Start, out HostMapping other) && other.Interval.Overlaps(gone));
    });

    [Fact]
    public void WhatIsUnmappedWhileAwayDoesNotComeBack() => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(1);
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        Unmap(machine, interval);
        Assert.False(machine.Client.IsAway(interval.Start));
        machine.Forget(interval);
    });

    [Fact]
    public void AHalfThatIsUnmappedWhileAwayDoesNotTakeTheOtherHalfAlong() => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(16), low = AddressRange.OfPages(interval.Start, 8), high = new(low.End, interval.End);
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        Unmap(machine, low);
        machine.AssertPattern(high);
        Assert.True(SpinWait.SpinUntil(() => !machine.Client.IsAway(high.Start), 10_000)); // The touch may return before the client has noted it.
    });

    [Fact]
    public void GivingContentsUpIsAnnouncedAndThePagesReadAsZeroes() => Run(Needs, machine =>
    {
        AddressRange interval = machine.Allocate(8), gone = AddressRange.OfPages(interval.Start + 2 * PageSize.Bytes, 4);
        machine.CpuFill(interval);
        DontNeed(machine, gone);
        Assert.All(machine.Client.Events, heard => Assert.True(heard.InGate));
        machine.AssertZero(gone);
        machine.AssertPattern(new AddressRange(interval.Start, gone.Start));
        machine.AssertPattern(new AddressRange(gone.End, interval.End));
    });

    [Fact]
    public void ContentsGivenUpWhileAwayDoNotComeBack() => Run(Needs, machine =>
    {
        AddressRange interval = machine.AllocateAligned(16), gone = AddressRange.OfPages(interval.Start + 2 * PageSize.Bytes, 4);
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        DontNeed(machine, gone);
        machine.AssertZero(gone);
        machine.AssertPattern(new AddressRange(interval.Start, gone.Start));
        machine.AssertPattern(new AddressRange(gone.End, interval.End));
    });

    [Fact]
    public void AThreadThatWaitsForAPageThatIsUnmappedGetsItsSignal() => Run(Needs, machine =>
    {
        Assert.SkipUnless(machine.Fixture.ReportsSignals, "needs a program whose signals can be seen");
        AddressRange interval = machine.Allocate(1);
        machine.CpuFill(interval);
        machine.MoveAway(interval);
        machine.Client.HoldFaults();
        SvmStatus seen = SvmStatus.Done;
        var program = new ProgramThread(() => seen = machine.Fixture.CpuRead(machine.Memory, interval.Start, new byte[1]));
        machine.Client.WaitUntil((faults, _) => faults.Any(fault => fault.Page == interval.Start), "the fault");
        Unmap(machine, interval);
        program.Join();
        Assert.Equal(SvmStatus.NotMapped, seen);
        machine.Client.ServeFaults(interval);
        machine.Forget(interval);
    });

    /// <summary>The program unmaps an interval and the client has heard of all of it.</summary>
    private static void Unmap(ConformanceMachine machine, AddressRange interval)
    {
        Assert.SkipUnless(machine.Fixture.TryUnmap(machine.Memory, interval), "needs a program that can unmap");
        machine.Client.WaitUntil((_, events) => Covers(events.Where(heard => heard.IsUnmap), interval), $"the unmap of {interval}");
    }

    /// <summary>The program gives contents up and the client has heard of all of it.</summary>
    private static void DontNeed(ConformanceMachine machine, AddressRange interval)
    {
        Assert.SkipUnless(machine.Fixture.TryDontNeed(machine.Memory, interval), "needs a program that can give contents up");
        machine.Client.WaitUntil((_, events) => Covers(events.Where(heard => !heard.IsUnmap), interval), $"the discard of {interval}");
    }

    /// <summary>Whether events cover an interval page by page, and nothing outside it.</summary>
    private static bool Covers(IEnumerable<RecordedEvent> events, AddressRange interval)
    {
        AddressRange[] heard = [.. events.Select(one => one.Interval).Where(one => one.Overlaps(interval))];
        Assert.All(heard, one => Assert.True(interval.Contains(one), $"{one} was announced for {interval}"));
        for (VirtualAddress page = interval.Start; page < interval.End; page += PageSize.Bytes)
        {
            if (!heard.Any(one => one.Contains(page)))
                return false;
        }

        return true;
    }
}
