// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Simulation.Tests;

/// <summary>What only the simulated program can do: map where it likes, protect, pin, die.</summary>
public sealed class ProgramTests : IDisposable
{
    private static readonly VirtualAddress _somewhere = new(0x7000_0000_0000);

    private readonly SimulatedHostMemory _memory = new();
    private readonly RecordingClient _client;

    public ProgramTests() => _client = new RecordingClient(_memory);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void AMappingPutOverAnotherAnnouncesTheOldOneAndReadsAsZeroes()
    {
        Done(_memory.Map(_somewhere, 8 * PageSize.Bytes));
        Done(_memory.CpuWrite(_somewhere, Pattern.Of(_somewhere, 8 * PageSize.Bytes)));
        Done(_client.MoveAway(AddressRange.OfPages(_somewhere, 4)));
        Assert.Empty(_client.Events);
        AddressRange over = AddressRange.OfPages(_somewhere + 2 * PageSize.Bytes, 4);
        Done(_memory.Map(over.Start, over.Bytes));
        Assert.Equal(new RecordedEvent(IsUnmap: true, over, InGate: true), Assert.Single(_client.Events));
        byte[] expected = Pattern.Of(_somewhere, 8 * PageSize.Bytes), actual = new byte[expected.Length];
        expected.AsSpan(2 * PageSize.Bytes, 4 * PageSize.Bytes).Clear();
        Done(_memory.CpuRead(_somewhere, actual));
        Assert.Equal(expected, actual);
        _client.BringAllBack();
        _memory.VerifyNoLeaks();
    }

    [Fact]
    public void UnmappingAllOfAnAllocationEndsIt()
    {
        Done(_memory.Allocate(8 * PageSize.Bytes, out AddressRange interval));
        Done(_memory.CpuWrite(interval.Start, new byte[100]));
        Done(_memory.Unmap(AddressRange.OfPages(interval.Start, 5)));
        Done(_memory.Unmap(AddressRange.OfPages(interval.Start + 4 * PageSize.Bytes, 4)));
        Assert.Equal(SvmStatus.InvalidHandle, _memory.Free(interval));
        Assert.Equal(0, _memory.FramesInUse);
    }

    [Fact]
    public void FreedAddressesComeBackAtOnce()
    {
        Done(_memory.Allocate(5 * PageSize.Bytes, out AddressRange first));
        Done(_memory.Allocate(5 * PageSize.Bytes, out _));
        Done(_memory.Free(first));
        Done(_memory.Allocate(5 * PageSize.Bytes, out AddressRange again));
        Assert.Equal(first, again);
    }

    [Fact]
    public void ProtectionIsFoundByLookingAndEndsInASignalWithoutAFault()
    {
        Done(_memory.Allocate(4 * PageSize.Bytes, out AddressRange interval));
        Done(_memory.CpuWrite(interval.Start, Pattern.Of(interval.Start, interval.Bytes)));
        AddressRange second = AddressRange.OfPages(interval.Start + PageSize.Bytes, 1);
        int faults = _client.Faults.Count;
        Done(_memory.Protect(second, HostProtection.ReadOnly));
        Assert.Empty(_client.Events);
        Assert.True(_memory.TryFindMapping(second.Start, out HostMapping mapping));
        Assert.Equal(new HostMapping(second, IsReadable: true, IsWritable: false, IsAnonymous: true), mapping);
        Assert.Equal(SvmStatus.ReadOnly, _memory.CpuWrite(second.Start, [1]));
        Done(_memory.CpuRead(second.Start, new byte[1]));
        Assert.Equal(SvmStatus.ReadOnly, _memory.Populate(second, MemoryAccess.Write));
        var state = new HostPage[1];
        Done(_memory.Query(second, state));
        Assert.True(state[0].IsPresent && !state[0].IsWritable);
        Done(_memory.Protect(second, HostProtection.None));
        Assert.Equal(SvmStatus.NotMapped, _memory.CpuRead(second.Start, new byte[1]));
        Assert.Equal(faults, _client.Faults.Count);
        Done(_memory.Protect(second, HostProtection.ReadWrite));
        Done(_memory.CpuWrite(second.Start, [1]));
        Assert.Equal(SvmStatus.NotMapped, _memory.Protect(AddressRange.OfPages(interval.Start, 5), HostProtection.ReadOnly));
        Done(_memory.Free(interval));
    }

    [Fact]
    public void PinnedPagesAreBusyUntilUnpinned()
    {
        Done(_memory.Allocate(PageSize.HugeBytes, out AddressRange interval));
        AddressRange block = AddressRange.OfPages(interval.Start, 16), one = AddressRange.OfPages(interval.Start + 7 * PageSize.Bytes, 1);
        Assert.Equal(SvmStatus.NotMapped, _memory.SetPinned(one, pinned: true));
        Done(_memory.CpuWrite(block.Start, Pattern.Of(block.Start, block.Bytes)));
        Done(_memory.SetPinned(one, pinned: true));
        Assert.Equal(SvmStatus.Busy, _client.MoveAway(block));
        byte[] actual = new byte[block.Bytes];
        Done(_memory.CpuRead(block.Start, actual));
        Assert.Equal(Pattern.Of(block.Start, block.Bytes), actual);
        Done(_memory.SetPinned(one, pinned: false));
        Done(_client.MoveAway(block));
    }

    [Fact]
    public void FilePagesComeWithoutTheClientAndDoNotMove()
    {
        Done(_memory.Map(_somewhere, 4 * PageSize.Bytes, HostProtection.ReadWrite, anonymous: false));
        Done(_memory.CpuWrite(_somewhere, [1, 2, 3]));
        Assert.Empty(_client.Faults);
        Assert.Equal(SvmStatus.Busy, _client.MoveAway(AddressRange.OfPages(_somewhere, 4)));
        Assert.True(_memory.TryFindMapping(_somewhere, out HostMapping mapping));
        Assert.False(mapping.IsAnonymous);
    }

    [Fact]
    public void AdditionsFromManyThreadsAreAllCountedWhileThePageMoves()
    {
        Done(_memory.Allocate(PageSize.HugeBytes, out AddressRange interval));
        AddressRange block = AddressRange.OfPages(interval.Start, 16);
        ProgramThread[] threads = [.. Enumerable.Range(0, 3).Select(_ => new ProgramThread(() =>
        {
            for (int i = 0; i < 500; i++)
                Done(_memory.CpuAdd(block.Start + 4096, 3, out long _));
        }))];
        while (threads.Any(thread => thread.IsRunning))
        {
            _client.MoveAway(block);
            long faults = _memory.CpuFaults;
            SpinWait.SpinUntil(() => _memory.CpuFaults != faults || !threads.Any(thread => thread.IsRunning));
        }

        foreach (ProgramThread thread in threads)
            thread.Join();
        Done(_memory.CpuAdd(block.Start + 4096, 0, out long sum));
        Assert.Equal(4500, sum);
        Assert.Equal(SvmStatus.InvalidArgument, _memory.CpuAdd(block.Start + 4, 1, out _));
    }

    [Fact]
    public void TheEndOfTheMachineFreesWaitingThreads()
    {
        Done(_memory.Allocate(PageSize.Bytes, out AddressRange interval));
        _client.HoldFaults();
        SvmStatus seen = SvmStatus.Done;
        var program = new ProgramThread(() => seen = _memory.CpuRead(interval.Start, new byte[1]));
        _client.WaitUntil((faults, _) => faults.Count > 0, "the fault");
        _memory.Dispose();
        program.Join();
        Assert.Equal(SvmStatus.ProcessGone, seen);
        Assert.Equal(SvmStatus.ProcessGone, _memory.Allocate(1, out _));
        Assert.Equal(0, _memory.FaultedThreads);
    }

    [Fact]
    public void AClientThatNeverServesAFaultIsGivenUp()
    {
        using var memory = new SimulatedHostMemory(new SimulatedHostOptions { MaxFaultRounds = 5 });
        var client = new RecordingClient(memory);
        Done(memory.Allocate(PageSize.Bytes, out AddressRange interval));
        client.HoldFaults();
        var program = new ProgramThread(() => Assert.Equal(SvmStatus.TimedOut, memory.CpuRead(interval.Start, new byte[1])));
        for (int round = 1; program.IsRunning && round <= 5; round++)
        {
            client.WaitUntil((faults, _) => faults.Count >= round, "a fault");
            memory.Wake(interval);
        }

        program.Join();
        Assert.Equal(5, memory.CpuFaults);
    }

    [Fact]
    public void WithoutAClientAFaultCannotBeServed()
    {
        using var memory = new SimulatedHostMemory();
        Done(memory.Allocate(PageSize.Bytes, out AddressRange interval));
        Assert.Equal(SvmStatus.NotSupported, memory.CpuRead(interval.Start, new byte[1]));
        memory.VerifyNoLeaks();
    }

    [Fact]
    public void OnAMemoryWithoutFaultsTouchingADetachedPageIsABrokenInvariant()
    {
        using var memory = new SimulatedHostMemory(new SimulatedHostOptions { Capabilities = HostMemoryCapabilities.None });
        var client = new RecordingClient(memory);
        Done(memory.Allocate(PageSize.Bytes, out AddressRange interval));
        Done(memory.CpuWrite(interval.Start, [1]));
        Done(client.MoveAway(interval));
        Assert.Throws<InvalidOperationException>(() => memory.CpuRead(interval.Start, new byte[1]));
        Done(client.BringBack(interval.Start));
        Done(memory.CpuRead(interval.Start, new byte[1]));
    }

    [Fact]
    public void LeaksAreReported()
    {
        Done(_memory.Allocate(PageSize.HugeBytes, out AddressRange interval));
        HostStaging staging = _memory.AcquireStaging(interval, forAttach: true)!;
        Assert.Equal(512, _memory.FramesInUse);
        Assert.Equal(1, _memory.StagingBlocksOut);
        Assert.Throws<InvalidOperationException>(_memory.VerifyNoLeaks);
        _memory.ReleaseStaging(staging);
        _memory.VerifyNoLeaks();
        Done(_memory.Populate(interval, MemoryAccess.Write));
        var state = new HostPage[1];
        Done(_memory.Query(AddressRange.OfPages(interval.Start, 1), state));
        Done(_memory.Free(interval));
        DmaBytes.Write(state[0].Pointer + 8, [1]);
        Assert.Contains("stale", Assert.Throws<InvalidOperationException>(_memory.VerifyNoLeaks).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(500_001)]
    public void ImpossibleMachinesAreRefused(int frames) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SimulatedHostMemory(new SimulatedHostOptions { Frames = frames }));

    [Fact]
    public void ASecondClientIsRefused() => Assert.Throws<InvalidOperationException>(() => new RecordingClient(_memory));

    /// <summary>Asserts that an operation was done.</summary>
    private static void Done(SvmStatus status) => Assert.Equal(SvmStatus.Done, status);
}
