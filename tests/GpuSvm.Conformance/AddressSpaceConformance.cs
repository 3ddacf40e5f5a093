// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>What the host address space does over every memory: migrations page by page, and pages that devices have for themselves.</summary>
public abstract class AddressSpaceConformance
{
    private const int Alone = 7; // An owner that has no memory of its own.

    /// <summary>The backend.</summary>
    protected abstract HostMemoryFixture Fixture { get; }

    [Theory]
    [InlineData(0, 16)]
    [InlineData(3, 7)]
    [InlineData(1, 1)]
    [InlineData(500, 12)]
    [InlineData(5, 507)]
    public void AnyIntervalMovesAndComesBack(int first, int pages) => Run(machine =>
    {
        AddressRange memory = machine.Allocate(PageSize.PagesPerHuge);
        machine.Fill(memory);
        AddressRange part = AddressRange.OfPages(AddressSpaceMachine.PageOf(memory, first), pages);
        Assert.Equal(pages, machine.Device.MoveIn(part));
        for (int page = 0; page < PageSize.PagesPerHuge; page++)
            Assert.Equal(page >= first && page < first + pages, machine.EntryOf(AddressSpaceMachine.PageOf(memory, page)).IsDevice);
        Assert.Equal(SvmStatus.Done, machine.Host.MigrateHome(memory, MigrationCause.Prefetch));
        machine.AssertFilled(memory);
    });

    [Theory]
    [InlineData(3)]
    [InlineData(20)]
    public void ABlockThatSticksOutOfAnAllocationServesTheRest(int pages) => Run(machine =>
    {
        AddressRange memory = machine.Allocate(pages);
        machine.Fill(memory);
        Assert.Equal(pages, machine.Device.MoveIn(memory.Start.Block(PageOrder.Huge).Intersect(memory)));
        Assert.Equal(SvmStatus.Done, machine.Host.MigrateHome(memory, MigrationCause.Prefetch));
        machine.AssertFilled(memory);
    });

    [Fact]
    public void PagesOnOtherDevicesAreLeftOrTakenAsSelected() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(64);
        machine.Fill(memory);
        AddressRange low = AddressRange.OfPages(memory.Start, 16);
        Assert.Equal(16, machine.Peer.MoveIn(low));
        Assert.Equal(16, machine.Stranger.MoveIn(AddressRange.OfPages(low.End, 16)));
        Assert.Equal(SvmStatus.MixedPlacement, machine.Device.MoveIn(memory, new MigrationSelection(System: true, AllOrNothing: true), out _));
        Assert.Equal(SvmStatus.Done, machine.Device.MoveIn(memory, new MigrationSelection(System: true, PeerOwner: 1), out int arrived));
        Assert.Equal(48, arrived); // What is on the stranger stays there.
        Assert.Equal((1024, 1024 - 48), (machine.Peer.FreeFrames, machine.Device.FreeFrames));
        Assert.Equal(SvmStatus.Done, machine.Host.MigrateHome(memory, MigrationCause.Prefetch));
        machine.AssertFilled(memory);
    });

    [Fact]
    public void PagesNeverTouchedArriveAsZeroesAndStaySo() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(32);
        machine.Store(AddressSpaceMachine.PageOf(memory, 5), 5);
        Assert.Equal(32, machine.Device.MoveIn(memory));
        Assert.Equal(SvmStatus.Done, machine.Host.MigrateHome(memory, MigrationCause.Prefetch));
        for (int page = 0; page < 32; page++)
            Assert.Equal(page == 5 ? 5 : 0, machine.Load(AddressSpaceMachine.PageOf(memory, page)));
    });

    [Fact]
    public void AMigrationThatFailsLeavesEveryByteWhereItWas() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(64);
        machine.Fill(memory);
        Assert.Equal(16, machine.Peer.MoveIn(AddressRange.OfPages(memory.Start, 16)));
        machine.Device.FailsNext = true;
        Assert.Equal(SvmStatus.CopyFailed, machine.Device.MoveIn(memory, new MigrationSelection(System: true, PeerOwner: 1), out _));
        Assert.Equal(1024 - 16, machine.Peer.FreeFrames);
        machine.Peer.FailsNext = true;
        Assert.Equal(SvmStatus.CopyFailed, machine.Peer.MoveHome(memory, new FrameSelection(machine.Peer.Index), MigrationCause.Eviction, out _));
        Assert.Equal(SvmStatus.Done, machine.Host.MigrateHome(memory, MigrationCause.Prefetch));
        machine.AssertFilled(memory);
    });

    [Fact]
    public void ScatteredFramesComeHomeByFrameWithoutAnAddress() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(3 * PageSize.PagesPerHuge);
        var frames = new List<DeviceFrame>();
        for (int i = 0; i < 60; i++)
        {
            VirtualAddress page = AddressSpaceMachine.PageOf(memory, (i % 3 * PageSize.PagesPerHuge) + (i * 7));
            machine.Store(page, i + 1);
            Assert.Equal(1, machine.Device.MoveIn(AddressRange.OfPages(page, 1)));
            frames.Add(machine.EntryOf(page).Frame);
        }

        frames.Add(frames[0]); // Named twice, and one that holds nothing.
        frames.Add(new DeviceFrame(1000));
        Assert.Equal(3, machine.Device.EvictFrames(frames.ToArray())); // One for each 2 MiB of addresses.
        Assert.Equal(1024, machine.Device.FreeFrames);
        for (int i = 0; i < 60; i++)
            Assert.Equal(i + 1, machine.Load(AddressSpaceMachine.PageOf(memory, (i % 3 * PageSize.PagesPerHuge) + (i * 7))));
    });

    [Fact]
    public void ExclusivePagesKeepTheCpusBytesAndTheDevices() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(16);
        machine.Fill(memory);
        AddressRange part = AddressRange.OfPages(memory.Start + PageSize.Bytes, 8);
        HmmFrame[] frames = Take(machine, part);
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(i + 2, ReadNumber(frames[i].Pointer));
            DmaBytes.Write(frames[i].Pointer, BitConverter.GetBytes(100L + i));
        }

        Assert.Equal(8, machine.Host.ExclusivePages);
        Assert.True(machine.Want(part, HmmRequest.Write, Alone).Frames[0].IsExclusive); // The owner keeps what it has.
        Bring(machine, part);
        Assert.Equal((8L, 8L), (machine.Host.Counters.PagesMadeExclusive, machine.Host.Counters.ExclusivePagesRestored));
        for (int i = 0; i < 16; i++)
            Assert.Equal(i is >= 1 and < 9 ? 99 + i : i + 1, machine.Load(AddressSpaceMachine.PageOf(memory, i)));
    });

    [Fact]
    public void AnotherOwnerGetsExclusivePagesBackInRam() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(8);
        machine.Fill(memory);
        HmmFrame[] frames = Take(machine, memory);
        DmaBytes.Write(frames[3].Pointer, BitConverter.GetBytes(33L));
        HmmFrame[] theirs = Take(machine, memory, owner: Alone + 1);
        Assert.Equal(33, ReadNumber(theirs[3].Pointer));
        (SvmStatus status, HmmFrame[] plain) = machine.Want(memory, HmmRequest.Write, owner: 1);
        Assert.Equal(SvmStatus.Done, status);
        Assert.DoesNotContain(plain, frame => frame.IsExclusive || frame.IsDevice);
        Assert.Equal(0, machine.Host.ExclusivePages);
        Assert.Equal(33, machine.Load(AddressSpaceMachine.PageOf(memory, 3)));
    });

    [Fact]
    public void AMigrationOfExclusivePagesMovesTheirBytes() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(32);
        machine.Fill(memory);
        HmmFrame[] frames = Take(machine, AddressRange.OfPages(memory.Start, 16));
        DmaBytes.Write(frames[2].Pointer, BitConverter.GetBytes(22L));
        Assert.Equal(SvmStatus.Done, machine.Device.MoveIn(memory, new MigrationSelection(System: true, AllOrNothing: true), out int arrived));
        Assert.Equal((32, 0L), (arrived, machine.Host.ExclusivePages));
        Assert.Equal(22, BitConverter.ToInt64(machine.Device.Bytes(machine.EntryOf(AddressSpaceMachine.PageOf(memory, 2)).Frame)));
    });

    [Fact]
    public void PagesOfTheOwnersDeviceStayThereWhenWantedExclusively() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(16);
        machine.Fill(memory);
        Assert.Equal(8, machine.Device.MoveIn(AddressRange.OfPages(memory.Start, 8)));
        HmmFrame[] frames = Take(machine, memory, owner: 1);
        Assert.Equal(8, frames.Count(frame => frame.IsDevice && frame.IsWritable));
        Assert.Equal(8, frames.Count(frame => frame.IsExclusive));
        Bring(machine, memory);
        Assert.Equal(SvmStatus.Done, machine.Host.MigrateHome(memory, MigrationCause.Prefetch));
        machine.AssertFilled(memory);
    });

    [Fact]
    public void FreeingExclusivePagesGivesTheirBlocksBack() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(16);
        machine.Fill(memory);
        _ = Take(machine, memory);
        machine.Forget(memory);
        Assert.Equal(SvmStatus.Done, machine.Host.Free(memory));
        Assert.Equal((0L, 0L), (machine.Host.ExclusivePages, machine.Host.AwayPages));
    });

    [Fact]
    public void TheEndOfTheProcessForgetsExclusiveAndDevicePages() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(32);
        machine.Fill(memory);
        _ = Take(machine, AddressRange.OfPages(memory.Start, 16));
        Assert.Equal(16, machine.Device.MoveIn(AddressRange.OfPages(memory.Start + (16 * PageSize.Bytes), 16)));
        machine.Forget(memory);
        machine.Host.Dispose();
        machine.Host.WaitForEnd();
        Assert.Equal((0L, 1024), (machine.Host.ExclusivePages, machine.Device.FreeFrames));
        Assert.Equal(SvmStatus.ProcessGone, machine.Want(memory, HmmRequest.Exclusive, Alone).Status);
        Assert.Equal(SvmStatus.ProcessGone, machine.Device.MoveIn(memory, new MigrationSelection(System: true), out _));
    }, isAlive: false);

    [Fact]
    public void TheHoldMadeFirstIsGivenBackFirstWhenThereAreTooMany() => Run(machine =>
    {
        AddressRange memory = machine.Allocate(machine.Host.MaxExclusivePages + 64);
        for (long at = 0; at < memory.Bytes; at += 256L * PageSize.Bytes)
            machine.Store(memory.Start + at, at + 1);
        AddressRange first = AddressRange.OfPages(memory.Start, 32);
        _ = Take(machine, first);
        for (VirtualAddress at = first.End; at < memory.End; at += 32 * PageSize.Bytes)
            _ = Take(machine, AddressRange.OfPages(at, 32));
        Assert.Equal(machine.Host.MaxExclusivePages, machine.Host.ExclusivePages);
        Assert.False(machine.EntryOf(first.Start).IsExclusive);
        Assert.True(machine.EntryOf(memory.End - PageSize.Bytes).IsExclusive);
        Assert.Equal(SvmStatus.Done, machine.Host.RestoreExclusive(memory));
        for (long at = 0; at < memory.Bytes; at += 256L * PageSize.Bytes)
            Assert.Equal(at + 1, machine.Load(memory.Start + at));
    });

    /// <summary>Has an owner's devices take pages; all must come.</summary>
    private static HmmFrame[] Take(AddressSpaceMachine machine, AddressRange interval, int owner = Alone)
    {
        (SvmStatus status, HmmFrame[] frames) = machine.Want(interval, HmmRequest.Exclusive, owner);
        Assert.Equal(SvmStatus.Done, status);
        Assert.All(frames, frame => Assert.True(frame is { IsValid: true, IsWritable: true } && (frame.IsExclusive || frame.IsDevice)));
        return frames;
    }

    /// <summary>Gives pages back: by touching them where the memory hears of that, by asking otherwise.</summary>
    private static void Bring(AddressSpaceMachine machine, AddressRange interval)
    {
        if ((machine.Memory.Capabilities & HostMemoryCapabilities.CpuFaults) == 0)
            Assert.Equal(SvmStatus.Done, machine.Host.RestoreExclusive(interval));
        for (VirtualAddress at = interval.Start; at < interval.End; at += PageSize.Bytes)
            _ = machine.Load(at);
        machine.WaitUntilQuiet();
        Assert.Equal(0, machine.Host.ExclusivePages);
    }

    /// <summary>The number at the start of a page.</summary>
    private static long ReadNumber(DmaPointer pointer)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        DmaBytes.Read(pointer, bytes);
        return BitConverter.ToInt64(bytes);
    }

    /// <summary>Runs a test on a fresh memory, or skips it.</summary>
    /// <param name="body">The test.</param>
    /// <param name="isAlive">Whether the process side is alive at its end.</param>
    private void Run(Action<AddressSpaceMachine> body, bool isAlive = true)
    {
        Assert.SkipWhen(Fixture.Unavailable is not null, Fixture.Unavailable ?? "");
        using var machine = new AddressSpaceMachine(Fixture, Fixture.Create());
        body(machine);
        if (isAlive)
            machine.Finish();
    }
}
