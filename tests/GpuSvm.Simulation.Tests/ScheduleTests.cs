// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation.Tests;

/// <summary>
/// Interleavings, forced: at a schedule point of one operation another one is done in between. The hook is process-wide, so these tests are one class, which runs
/// one test at a time; each looks only at its own memory.
/// </summary>
public sealed class ScheduleTests : IDisposable
{
    private SimulatedHostMemory _memory = new();
    private RecordingClient _client;
    private AddressRange _interval;

    public ScheduleTests()
    {
        _client = new RecordingClient(_memory);
        Done(_memory.Allocate(PageSize.HugeBytes, out _interval));
    }

    public void Dispose()
    {
        SchedulePoint.Install(null);
        _memory.Dispose();
    }

    [Fact]
    public void AWriteJustBeforeTheDetachGoesAwayWithThePage()
    {
        AddressRange block = AddressRange.OfPages(_interval.Start, 16);
        Done(_memory.CpuWrite(block.Start, Pattern.Of(block.Start, block.Bytes)));
        Between(SimulatedOperation.Detach, () => Done(_memory.CpuWrite(block.Start + 100, [77])));
        Done(_client.MoveAway(block));
        Assert.Equal(77, _client.DevicePage(block.Start)[100]);
    }

    [Fact]
    public void APageDetachedBetweenTheMissAndTheFaultIsBroughtBack()
    {
        AddressRange page = AddressRange.OfPages(_interval.Start, 1);
        Between(SimulatedOperation.CpuFault, () =>
        {
            Done(_memory.Populate(page, MemoryAccess.Write));
            Done(_memory.CpuWrite(page.Start, [5]));
            Done(_client.MoveAway(page));
        });
        byte[] seen = new byte[1];
        Done(_memory.CpuRead(page.Start, seen));
        Assert.Equal(5, seen[0]);
        Assert.False(_client.IsAway(page.Start));
    }

    [Fact]
    public void AMappingThatGoesBetweenTheMissAndTheFaultIsASignal()
    {
        Between(SimulatedOperation.CpuFault, () => Done(_memory.Unmap(_interval)));
        Assert.Equal(SvmStatus.NotMapped, _memory.CpuRead(_interval.Start, new byte[1]));
        Assert.Equal(0, _memory.FaultedThreads);
    }

    [Fact]
    public void AMappingThatGoesBeforeTheAttachLeavesThePagesInTheBlock()
    {
        AddressRange block = AddressRange.OfPages(_interval.Start, 16);
        Done(_memory.CpuWrite(block.Start, Pattern.Of(block.Start, block.Bytes)));
        HostStaging staging = _memory.AcquireStaging(block, forAttach: false)!;
        Done(_memory.Detach(block, staging));
        Between(SimulatedOperation.Attach, () => Done(_memory.Unmap(AddressRange.OfPages(block.Start + 3 * PageSize.Bytes, 1))));
        Assert.Equal(SvmStatus.Unmapped, _memory.Attach(block, staging, writable: true));
        byte[] bytes = new byte[block.Bytes];
        DmaBytes.Read(staging.Pointer, bytes);
        Assert.Equal(Pattern.Of(block.Start, block.Bytes), bytes);
        Assert.True(staging.IsPresent(0) && staging.IsPresent(15));
        _memory.ReleaseStaging(staging);
        _memory.VerifyNoLeaks();
    }

    [Fact]
    public void WhileAnUnmapIsUnreadPopulateDetachAndProtectAnswerRetry()
    {
        Done(_memory.Allocate(16 * PageSize.Bytes, out AddressRange other));
        Done(_memory.CpuWrite(other.Start, Pattern.Of(other.Start, other.Bytes)));
        AddressRange page = AddressRange.OfPages(other.Start, 1);
        HostStaging empty = _memory.AcquireStaging(page, forAttach: false)!;
        bool isReached = false;
        Between(SimulatedOperation.UnmapApplied, () =>
        {
            isReached = true;
            Assert.Equal(SvmStatus.NotMapped, _memory.Query(_interval, new HostPage[512]));
            Assert.Equal(SvmStatus.Retry, _memory.Populate(page, MemoryAccess.Read));
            Assert.Equal(SvmStatus.Retry, _memory.Detach(page, empty));
            Assert.Equal(SvmStatus.Retry, _memory.WriteProtect(page, protect: true));
            Done(_memory.CpuRead(page.Start, new byte[8]));
        });
        Done(_memory.Unmap(_interval));
        Assert.True(isReached);
        Done(_memory.Populate(page, MemoryAccess.Read));
        Done(_memory.Detach(page, empty));
        Done(_memory.Attach(page, empty, writable: true));
        _memory.ReleaseStaging(empty);
    }

    [Theory]
    [InlineData(DiscardOrder.AfterGate)]
    [InlineData(DiscardOrder.OnRead)]
    public void ContentsGivenUpGoInTheOrderAskedFor(DiscardOrder order)
    {
        _memory.Dispose();
        _memory = new SimulatedHostMemory(new SimulatedHostOptions { DiscardOrder = order });
        _client = new RecordingClient(_memory);
        Done(_memory.Allocate(PageSize.Bytes, out AddressRange page));
        Done(_memory.CpuWrite(page.Start, [1]));
        var state = new HostPage[1];
        bool isPresent = false;
        Between(SimulatedOperation.EventHandled, () =>
        {
            Done(_memory.Query(page, state));
            isPresent = state[0].IsPresent;
        });
        Done(_memory.DontNeed(page));
        Assert.Equal(order == DiscardOrder.AfterGate, isPresent);
        Done(_memory.Query(page, state));
        Assert.False(state[0].IsPresent);
    }

    [Fact]
    public void AWakeBetweenTheAnswerAndTheSleepIsNotLost()
    {
        AddressRange page = AddressRange.OfPages(_interval.Start, 1);
        _client.HoldFaults();
        int waits = 0;
        SchedulePoint.Install((kind, subject) =>
        {
            if (kind == SchedulePointKind.Wait && ReferenceEquals(subject, _memory) && ++waits == 1)
                _client.ServeFaults(page);
        });
        Done(_memory.CpuRead(page.Start, new byte[1]));
        Assert.Equal(1, waits);
        Assert.Equal(2, _memory.CpuFaults);
    }

    [Fact]
    public void TheSameProgramReachesTheSamePointsInTheSameOrder()
    {
        static List<string> Trace()
        {
            using var memory = new SimulatedHostMemory();
            var client = new RecordingClient(memory);
            var trace = new List<string>();
            SchedulePoint.Install((kind, subject) =>
            {
                if (subject is SimulatedStep step && step.Memory == memory)
                    trace.Add(step.ToString());
            });
            Done(memory.Allocate(32 * PageSize.Bytes, out AddressRange interval));
            Done(memory.CpuWrite(interval.Start, new byte[3 * PageSize.Bytes]));
            Done(client.MoveAway(AddressRange.OfPages(interval.Start, 2)));
            Done(memory.CpuRead(interval.Start, new byte[10]));
            Done(memory.Unmap(interval));
            SchedulePoint.Install(null);
            return trace;
        }

        List<string> first = Trace();
        Assert.Equal(first, Trace());
        Assert.Contains("CpuFault", first);
        Assert.Equal(["MappingChange", "UnmapApplied", "EventRead", "EventHandled"], first[^4..]);
    }

    /// <summary>Does something once, when the memory reaches an operation for the first time from now.</summary>
    private void Between(SimulatedOperation operation, Action inBetween)
    {
        object step = _memory.StepOf(operation);
        bool isDone = false;
        SchedulePoint.Install((_, subject) =>
        {
            if (isDone || !ReferenceEquals(subject, step))
                return;
            isDone = true;
            inBetween();
        });
    }

    /// <summary>Asserts that an operation was done.</summary>
    private static void Done(SvmStatus status) => Assert.Equal(SvmStatus.Done, status);
}
