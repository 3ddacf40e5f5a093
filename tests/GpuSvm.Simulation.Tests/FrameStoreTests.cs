// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation.Tests;

/// <summary>The buddy allocator and the poison of the simulated physical memory.</summary>
public sealed class FrameStoreTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(1024)]
    [InlineData(1300)]
    public void EveryFrameIsHandedOutOnce(int frames)
    {
        var store = new FrameStore(frames);
        var seen = new HashSet<int>();
        while (store.TryAllocate(PageOrder.Small, 0, out int frame))
            Assert.True(seen.Add(frame));
        Assert.Equal(frames, seen.Count);
        Assert.Equal(frames, store.InUse);
        Assert.Equal(frames - 1, seen.Max());
    }

    [Fact]
    public void FramesFreedOneByOneBecomeAHugeBlockAgain()
    {
        var store = new FrameStore(1024);
        Assert.True(store.TryAllocate(PageOrder.Huge, 0, out int first));
        Assert.True(store.TryAllocate(PageOrder.Huge, 0, out int second));
        Assert.False(store.TryAllocate(PageOrder.Small, 0, out _));
        for (int i = 511; i >= 0; i--)
            store.Free(first + i, 1);
        Assert.True(store.TryAllocate(PageOrder.Huge, 0, out int again));
        Assert.Equal(first, again);
        store.Free(second, 512);
        store.Free(again, 512);
        Assert.Equal(0, store.InUse);
        store.CheckAllPoison();
    }

    [Fact]
    public void BlocksAreAlignedDisjointAndMergeBack() =>
        Gen.Select(Gen.Byte[0, 9], Gen.Int[0, 1000]).Array[1, 200].Sample(steps =>
        {
            var store = new FrameStore(1500);
            var live = new List<(int Frame, int Pages)>();
            var owned = new HashSet<int>();
            foreach ((byte order, int pick) in steps)
            {
                if (pick % 3 == 0 && live.Count > 0)
                {
                    (int frame, int pages) = live[pick % live.Count];
                    live.RemoveAt(pick % live.Count);
                    store.Free(frame, pages);
                    owned.ExceptWith(Enumerable.Range(frame, pages));
                }
                else if (store.TryAllocate(new PageOrder(order), 0, out int frame))
                {
                    int pages = 1 << order;
                    Assert.Equal(0, frame % pages);
                    Assert.True(frame + pages <= store.Count);
                    Assert.All(Enumerable.Range(frame, pages), one => Assert.True(owned.Add(one)));
                    live.Add((frame, pages));
                }
            }

            Assert.Equal(owned.Count, store.InUse);
            Assert.All(Enumerable.Range(0, store.Count), frame => Assert.Equal(!owned.Contains(frame), store.IsFree(frame)));
            foreach ((int frame, int pages) in live)
                store.Free(frame, pages);
            Assert.True(store.TryAllocate(PageOrder.Huge, 0, out _) && store.TryAllocate(PageOrder.Huge, 0, out _));
        }, iter: 200);

    [Fact]
    public void AWriteToAFreedFrameIsFoundWhenItIsHandedOut()
    {
        var store = new FrameStore(4);
        Assert.True(store.TryAllocate(PageOrder.Small, 0, out int frame));
        store.Free(frame, 1);
        Conformance.DmaBytes.Write(store.PointerTo(frame) + 123, [1]);
        Assert.Contains("byte 123", Assert.Throws<InvalidOperationException>(store.CheckAllPoison).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => store.TryAllocate(PageOrder.Small, 0, out _));
    }

    [Fact]
    public void AWriteToThePageOfZeroesIsFound()
    {
        var store = new FrameStore(4);
        store.CheckAllPoison();
        Conformance.DmaBytes.Write(store.PointerTo(store.ZeroFrame), [1]);
        Assert.Throws<InvalidOperationException>(store.CheckAllPoison);
    }

    [Fact]
    public void HugeFramesAreAlignedInAddressToo()
    {
        var store = new FrameStore(1024);
        Assert.Equal(0, store.PointerTo(0).Value % PageSize.HugeBytes);
        Assert.Equal(PageSize.HugeBytes, store.PointerTo(512).Value - store.PointerTo(0).Value);
    }
}
