// SPDX-License-Identifier: MIT
using CsCheck;

namespace GpuSvm.SoftwareGpu.Tests;

public sealed class BuddyAllocatorTests
{
    private static readonly Gen<(int Order, bool Free, int Pick)> _step = Gen.Select(Gen.Int[0, 9], Gen.Bool, Gen.Int[0, 1_000_000], (order, free, pick) => (order, free, pick));

    [Fact]
    public void EveryBlockIsAlignedAndDisjointAndRefusalsAreTrue() =>
        Gen.Select(Gen.Int[1, 3000], _step.Array[1, 300]).Sample((pages, steps) =>
        {
            BuddyAllocator buddy = new(pages);
            bool[] taken = new bool[pages]; // The model: which frames are in a taken block.
            List<(int Frame, int Order)> blocks = [];
            foreach ((int order, bool free, int pick) in steps)
            {
                if (free && blocks.Count > 0)
                {
                    (int frame, int freedOrder) = blocks[pick % blocks.Count];
                    blocks.RemoveAt(pick % blocks.Count);
                    buddy.Free(frame, freedOrder);
                    taken.AsSpan(frame, 1 << freedOrder).Clear();
                }
                else if (buddy.TryAllocate(order, out int frame))
                {
                    Assert.Equal(0, frame & ((1 << order) - 1));
                    Assert.True(frame + (1 << order) <= pages, "outside the memory");
                    Assert.DoesNotContain(true, taken.AsSpan(frame, 1 << order).ToArray());
                    taken.AsSpan(frame, 1 << order).Fill(true);
                    blocks.Add((frame, order));
                }
                else
                {
                    Assert.False(HasFreeBlock(taken, order), $"order {order} is refused although there is room");
                }

                Assert.Equal(taken.Count(t => !t), buddy.FreePages);
            }

            foreach ((int frame, int order) in blocks)
                buddy.Free(frame, order);
            Assert.Equal(pages, buddy.FreePages);
            for (int i = 0; i < pages / 512; i++) // Everything has joined again: as many whole blocks as when new.
                Assert.True(buddy.TryAllocate(9, out _));
            Assert.False(buddy.TryAllocate(9, out _));
        }, iter: 300);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(511)]
    [InlineData(513)]
    [InlineData(1023)]
    [InlineData(4096 + 256 + 3)]
    public void EveryFrameOfAnOddSizeCanBeTakenOnce(int pages)
    {
        BuddyAllocator buddy = new(pages);
        HashSet<int> frames = [];
        while (buddy.TryAllocate(0, out int frame))
            Assert.True(frames.Add(frame));
        Assert.Equal(pages, frames.Count);
        Assert.Equal(pages - 1, frames.Max());
        Assert.Equal(0, buddy.FreePages);
    }

    [Fact]
    public void FreedHalvesJoinIntoTheWholeAgain()
    {
        BuddyAllocator buddy = new(512);
        Assert.True(buddy.TryAllocate(8, out int left));
        Assert.True(buddy.TryAllocate(8, out int right));
        Assert.False(buddy.TryAllocate(0, out _));
        buddy.Free(left, 8);
        Assert.False(buddy.TryAllocate(9, out _));
        buddy.Free(right, 8);
        Assert.True(buddy.TryAllocate(9, out int whole));
        Assert.Equal(0, whole);
    }

    [Fact]
    public void SmallBlocksFillTheBottomAndLeaveLargeOnesAtTheTop()
    {
        BuddyAllocator buddy = new(2048);
        for (int i = 0; i < 512; i++)
        {
            Assert.True(buddy.TryAllocate(0, out int frame));
            Assert.Equal(i, frame);
        }

        for (int i = 0; i < 3; i++)
            Assert.True(buddy.TryAllocate(9, out _));
    }

    [Theory]
    [InlineData(0, 3)] // Twice.
    [InlineData(8, 3)] // Never taken.
    [InlineData(1, 0)] // Inside another block.
    [InlineData(16, 2)] // Another order than it was taken with.
    [InlineData(64, 0)] // Outside.
    [InlineData(-1, 0)]
    public void FreeingWhatIsNotTakenThrows(int frame, int order)
    {
        BuddyAllocator buddy = new(64);
        Assert.True(buddy.TryAllocate(3, out int once));
        Assert.True(buddy.TryAllocate(4, out int other));
        Assert.Equal((0, 16), (once, other));
        buddy.Free(once, 3);
        Assert.Throws<InvalidOperationException>(() => buddy.Free(frame, order));
        Assert.Equal(48, buddy.FreePages); // Nothing has changed.
    }

    [Fact]
    public void AWarmAllocatorAllocatesNoManagedMemory()
    {
        using SoftwareGpuMemory memory = new(4 << 20);
        Core.Addressing.PageOrder order = new(2);
        Core.Addressing.DeviceFrame frame = default;
        for (int i = 0; i < 100; i++)
        {
            memory.Allocate(order, out frame);
            memory.Free(frame, order);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            memory.Allocate(order, out frame);
            memory.Free(frame, order);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static bool HasFreeBlock(bool[] taken, int order)
    {
        int size = 1 << order;
        for (int frame = 0; frame + size <= taken.Length; frame += size)
        {
            if (!taken.AsSpan(frame, size).Contains(true))
                return true;
        }

        return false;
    }

    /// <summary>Parts of blocks go back in any order and any length; in the end everything is one again, and at no time is a frame given out twice.</summary>
    [Fact]
    public void PartsOfBlocksGoBackFrameByFrameAndJoinAgain() =>
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 1 << 20].List[1, 40]).Sample((order, cuts) =>
        {
            var buddy = new BuddyAllocator(1024);
            Assert.True(buddy.TryAllocate(order, out int block));
            Assert.True(buddy.TryAllocate(9, out int other));
            var taken = new bool[1024];
            Array.Fill(taken, true, block, 1 << order);
            Array.Fill(taken, true, other, 512);
            foreach (int cut in cuts)
            {
                int first = block + (cut % (1 << order));
                int run = 0;
                while (first + run < block + (1 << order) && taken[first + run] && run <= cut % 7)
                    taken[first + run++] = false;
                if (run > 0)
                    buddy.FreePart(first, run);
                Assert.Equal(taken.Count(isTaken => !isTaken), buddy.FreePages);
            }

            for (int frame = block; frame < block + (1 << order); frame++)
            {
                if (taken[frame])
                    buddy.FreePart(frame, 1);
            }

            buddy.FreePart(other, 512);
            Assert.Equal(1024, buddy.FreePages);
            Assert.True(buddy.TryAllocate(9, out _) && buddy.TryAllocate(9, out _));
        }, iter: 2000);

    [Theory]
    [InlineData(8, 1)]
    [InlineData(6, 4)]
    [InlineData(1023, 2)]
    public void FreeingAPartThatIsNotTakenThrows(int frame, int pages)
    {
        var buddy = new BuddyAllocator(1024);
        Assert.True(buddy.TryAllocate(3, out int block));
        Assert.Equal(0, block);
        Assert.Throws<InvalidOperationException>(() => buddy.FreePart(frame, pages));
    }
}
