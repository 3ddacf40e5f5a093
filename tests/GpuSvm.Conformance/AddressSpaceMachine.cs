// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>A host address space over a memory, with two devices of one owner group and one of another, for one test.</summary>
public sealed class AddressSpaceMachine : IDisposable
{
    private const int Frames = 1024;

    private readonly HostMemoryFixture _fixture;
    private readonly List<AddressRange> _allocations = [];

    /// <summary>Builds it.</summary>
    /// <param name="fixture">The backend.</param>
    /// <param name="memory">One that it made.</param>
    public AddressSpaceMachine(HostMemoryFixture fixture, IHostMemory memory)
    {
        _fixture = fixture;
        Memory = memory;
        Host = new HostAddressSpace(memory);
        Device = new FrameKeeper(Host, Frames, owner: 1);
        Peer = new FrameKeeper(Host, Frames, owner: 1);
        Stranger = new FrameKeeper(Host, Frames, owner: 2);
    }

    /// <summary>The memory.</summary>
    public IHostMemory Memory { get; }

    /// <summary>The address space.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>A device.</summary>
    public FrameKeeper Device { get; }

    /// <summary>Another of the same owner group.</summary>
    public FrameKeeper Peer { get; }

    /// <summary>One of another group.</summary>
    public FrameKeeper Stranger { get; }

    /// <summary>Allocates pages; <see cref="Finish"/> frees them.</summary>
    /// <param name="pages">How many.</param>
    /// <returns>The interval.</returns>
    public AddressRange Allocate(long pages)
    {
        Assert.Equal(SvmStatus.Done, Host.Allocate(pages * PageSize.Bytes, out AddressRange interval));
        _allocations.Add(interval);
        return interval;
    }

    /// <summary>Leaves an allocation to the test.</summary>
    /// <param name="interval">The allocation.</param>
    public void Forget(AddressRange interval) => Assert.True(_allocations.Remove(interval));

    /// <summary>The program stores a number.</summary>
    /// <param name="address">Where.</param>
    /// <param name="value">The number.</param>
    public void Store(VirtualAddress address, long value) => Assert.Equal(SvmStatus.Done, _fixture.CpuWrite(Memory, address, BitConverter.GetBytes(value)));

    /// <summary>The program loads a number.</summary>
    /// <param name="address">Where.</param>
    /// <returns>The number.</returns>
    public long Load(VirtualAddress address)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        Assert.Equal(SvmStatus.Done, _fixture.CpuRead(Memory, address, bytes));
        return BitConverter.ToInt64(bytes);
    }

    /// <summary>The program writes a number into every page, which tells the page's index.</summary>
    /// <param name="interval">The pages.</param>
    public void Fill(AddressRange interval)
    {
        for (int page = 0; page < (int)interval.Pages; page++)
            Store(PageOf(interval, page), page + 1);
    }

    /// <summary>The program finds what <see cref="Fill"/> wrote.</summary>
    /// <param name="interval">The pages.</param>
    public void AssertFilled(AddressRange interval)
    {
        for (int page = 0; page < (int)interval.Pages; page++)
            Assert.Equal(page + 1, Load(PageOf(interval, page)));
    }

    /// <summary>The address of a page of an interval.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="page">The page's index.</param>
    /// <returns>The address.</returns>
    public static VirtualAddress PageOf(AddressRange interval, int page) => interval.Start + ((long)page << PageSize.Shift);

    /// <summary>The entry of a page.</summary>
    /// <param name="address">The page.</param>
    /// <returns>A copy.</returns>
    public PageEntry EntryOf(VirtualAddress address)
    {
        var entry = new PageEntry[1];
        Host.ReadEntries(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1), entry);
        return entry[0];
    }

    /// <summary>Makes pages as an owner wants them.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="request">What is wanted.</param>
    /// <param name="owner">Who wants it.</param>
    /// <returns>The status and the frames.</returns>
    public (SvmStatus Status, HmmFrame[] Frames) Want(AddressRange interval, HmmRequest request, int owner)
    {
        HostWorkspace workspace = Host.RentWorkspace();
        var budget = new RetryBudget(Host.Time, milliseconds: 10_000);
        SvmStatus status = HmmRange.Fault(Host, interval, new HmmQuery(request, owner), ref budget, workspace);
        HmmFrame[] frames = workspace.Frames[..(int)interval.Pages];
        Host.ReturnWorkspace(workspace);
        return (status, frames);
    }

    /// <summary>Waits until nobody uses the address space: a service thread lets go a moment after the thread it has served goes on.</summary>
    public void WaitUntilQuiet() => Assert.True(SpinWait.SpinUntil(() => Host.Users == 0, 10_000), $"{Host.Users} users are left.");

    /// <summary>Ends a test that went well: brings everything home, frees it, and looks for leaks.</summary>
    public void Finish()
    {
        foreach (AddressRange interval in _allocations)
        {
            Assert.Equal(SvmStatus.Done, Host.MigrateHome(interval, MigrationCause.Prefetch));
            Assert.Equal(SvmStatus.Done, Host.Free(interval));
        }

        WaitUntilQuiet();
        Assert.Equal((0L, 0L, 0), (Host.AwayPages, Host.ExclusivePages, Host.Users));
        Assert.Equal((Frames, Frames, Frames), (Device.FreeFrames, Peer.FreeFrames, Stranger.FreeFrames));
        _fixture.VerifyNoLeaks(Memory);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Host.Dispose();
        SpinWait.SpinUntil(() => Host.HasEnded, 5_000); // A test that failed half way may have left a user behind; its message counts, not a hang.
    }
}
