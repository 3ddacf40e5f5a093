// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>A host memory with its client and its program, for one test.</summary>
public sealed class ConformanceMachine : IDisposable
{
    private readonly List<AddressRange> _allocations = [];

    /// <summary>Connects a memory.</summary>
    /// <param name="fixture">The backend.</param>
    /// <param name="memory">One that it made; disposed with this.</param>
    public ConformanceMachine(HostMemoryFixture fixture, IHostMemory memory)
    {
        Fixture = fixture;
        Memory = memory;
        Client = new RecordingClient(memory);
    }

    /// <summary>The backend.</summary>
    public HostMemoryFixture Fixture { get; }

    /// <summary>The memory under test.</summary>
    public IHostMemory Memory { get; }

    /// <summary>Its client.</summary>
    public RecordingClient Client { get; }

    /// <summary>Whether a capability is promised.</summary>
    /// <param name="capability">One bit.</param>
    /// <returns>True if it is.</returns>
    public bool Has(HostMemoryCapabilities capability) => (Memory.Capabilities & capability) != 0;

    /// <summary>Allocates pages that <see cref="Finish"/> frees.</summary>
    /// <param name="pages">How many.</param>
    /// <returns>The interval.</returns>
    public AddressRange Allocate(long pages)
    {
        Assert.Equal(SvmStatus.Done, Memory.Allocate(pages * PageSize.Bytes, out AddressRange interval));
        _allocations.Add(interval);
        return interval;
    }

    /// <summary>Allocates whole huge pages, so that blocks of every order up to 9 can be cut out of them.</summary>
    /// <param name="pages">How many base pages are wanted; rounded up to whole 2 MiB.</param>
    /// <returns>So many pages at the start of the allocation.</returns>
    public AddressRange AllocateAligned(long pages)
    {
        long huge = (pages + PageSize.PagesPerHuge - 1) / PageSize.PagesPerHuge * PageSize.PagesPerHuge;
        return AddressRange.OfPages(Allocate(huge).Start, pages);
    }

    /// <summary>Frees an allocation now.</summary>
    /// <param name="interval">What <see cref="Allocate"/> gave.</param>
    public void Free(AddressRange interval)
    {
        Assert.Equal(SvmStatus.Done, Memory.Free(interval));
        Assert.True(_allocations.Remove(interval));
    }

    /// <summary>Says that the program has unmapped a whole allocation, so that <see cref="Finish"/> does not free it.</summary>
    /// <param name="interval">What <see cref="Allocate"/> gave.</param>
    public void Forget(AddressRange interval) => Assert.True(_allocations.Remove(interval));

    /// <summary>The program loads bytes; they must come.</summary>
    /// <param name="interval">Which.</param>
    /// <returns>The bytes.</returns>
    public byte[] CpuRead(AddressRange interval)
    {
        byte[] bytes = new byte[interval.Bytes];
        Assert.Equal(SvmStatus.Done, Fixture.CpuRead(Memory, interval.Start, bytes));
        return bytes;
    }

    /// <summary>The program stores bytes; it must be able to.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">The bytes.</param>
    public void CpuWrite(VirtualAddress address, ReadOnlySpan<byte> source) => Assert.Equal(SvmStatus.Done, Fixture.CpuWrite(Memory, address, source));

    /// <summary>The program fills an interval with its pattern.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="seed">Which pattern.</param>
    public void CpuFill(AddressRange interval, int seed = 1) => CpuWrite(interval.Start, Pattern.Of(interval.Start, interval.Bytes, seed));

    /// <summary>The program finds the pattern in an interval.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="seed">Which pattern.</param>
    public void AssertPattern(AddressRange interval, int seed = 1) => AssertBytes(interval.Start, Pattern.Of(interval.Start, interval.Bytes, seed));

    /// <summary>The program finds zeroes in an interval.</summary>
    /// <param name="interval">The interval.</param>
    public void AssertZero(AddressRange interval) => AssertBytes(interval.Start, new byte[interval.Bytes]);

    /// <summary>The program finds these bytes.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="expected">What it must find.</param>
    public void AssertBytes(VirtualAddress address, ReadOnlySpan<byte> expected)
    {
        byte[] actual = CpuRead(AddressRange.OfBytes(address, expected.Length));
        int equal = expected.CommonPrefixLength(actual);
        Assert.True(equal == expected.Length, equal == expected.Length ? "" :
            $"At {address + equal} (page {equal / PageSize.Bytes} of {address}): expected 0x{expected[equal]:x2}, the CPU reads 0x{actual[equal]:x2}.");
    }

    /// <summary>What the CPU's page table says of an interval; it must say it.</summary>
    /// <param name="interval">At most 512 pages.</param>
    /// <returns>One answer a page.</returns>
    public HostPage[] Query(AddressRange interval)
    {
        var pages = new HostPage[interval.Pages];
        Assert.Equal(SvmStatus.Done, Memory.Query(interval, pages));
        return pages;
    }

    /// <summary>Repeats an operation for as long as it answers Retry: an event is pending.</summary>
    /// <param name="operation">The operation.</param>
    /// <returns>Its first other answer.</returns>
    public static SvmStatus Retried(Func<SvmStatus> operation)
    {
        SvmStatus status = SvmStatus.Retry;
        for (int round = 0; round < 100_000 && status == SvmStatus.Retry; round++)
        {
            status = operation();
            if (status == SvmStatus.Retry)
                Thread.Yield();
        }

        return status;
    }

    /// <summary>Takes pages away; it must work, once whoever brought them back before has let go of them.</summary>
    /// <param name="interval">An aligned power of two of pages.</param>
    public void MoveAway(AddressRange interval)
    {
        SvmStatus status = SvmStatus.Busy;
        SpinWait.SpinUntil(() => (status = Client.MoveAway(interval)) != SvmStatus.Busy, 10_000);
        Assert.Equal(SvmStatus.Done, status);
    }

    /// <summary>Brings the block of a page back; it must work.</summary>
    /// <param name="address">An address of a page that is away.</param>
    public void BringBack(VirtualAddress address) => Assert.Equal(SvmStatus.Done, Client.BringBack(address));

    /// <summary>Ends a test that went well: brings everything home, frees it, and looks for leaks.</summary>
    public void Finish()
    {
        Client.BringAllBack();
        foreach (AddressRange interval in _allocations)
            Assert.Equal(SvmStatus.Done, Memory.Free(interval));
        _allocations.Clear();
        Fixture.VerifyNoLeaks(Memory);
    }

    /// <inheritdoc/>
    public void Dispose() => Memory.Dispose();
}
