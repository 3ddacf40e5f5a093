// SPDX-License-Identifier: MIT
namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>The allocator of device memory against answers known beforehand: sizes, alignment, where the lowest free place is, what is refused.</summary>
public sealed class BuddyKnownAnswerTests
{
    private const int Seed = 4_004;

    /// <summary>A new allocator: each order is served from frame 0 exactly where the memory is large enough for it.</summary>
    [Theory]
    [InlineData(1, 0, true)]
    [InlineData(1, 1, false)]
    [InlineData(2, 1, true)]
    [InlineData(3, 1, true)]
    [InlineData(3, 2, false)]
    [InlineData(15, 4, false)]
    [InlineData(16, 4, true)]
    [InlineData(17, 4, true)]
    [InlineData(31, 5, false)]
    [InlineData(256, 8, true)]
    [InlineData(256, 9, false)]
    [InlineData(511, 9, false)]
    [InlineData(512, 9, true)]
    [InlineData(513, 9, true)]
    public void TheFirstBlockIsAtZeroOrThereIsNone(int pages, int order, bool served)
    {
        BuddyAllocator buddy = new(pages);
        Assert.Equal(served, buddy.TryAllocate(order, out int frame));
        Assert.Equal(0, frame);
        Assert.Equal(pages - (served ? 1 << order : 0), buddy.FreePages);
    }

    /// <summary>With the very first frame taken, the lowest place of an order is its own size.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 4)]
    [InlineData(3, 8)]
    [InlineData(4, 16)]
    [InlineData(5, 32)]
    [InlineData(6, 64)]
    [InlineData(7, 128)]
    [InlineData(8, 256)]
    [InlineData(9, 512)]
    public void EveryOrderIsAlignedToItself(int order, int expected)
    {
        BuddyAllocator buddy = new(1024);
        Assert.True(buddy.TryAllocate(0, out _));
        Assert.True(buddy.TryAllocate(order, out int frame));
        Assert.Equal(expected, frame);
    }

    /// <summary>How many blocks of an order a memory holds. What is left over at the top of an odd size is used first, because it is a smaller block.</summary>
    [Theory]
    [InlineData(1024, 9, 2)]
    [InlineData(1023, 9, 1)]
    [InlineData(1023, 8, 3)]
    [InlineData(100, 5, 3)]
    [InlineData(100, 2, 25)]
    [InlineData(100, 3, 12)]
    [InlineData(7, 1, 3)]
    public void AMemoryHoldsAsManyBlocksAsFit(int pages, int order, int blocks)
    {
        BuddyAllocator buddy = new(pages);
        SortedSet<int> frames = [];
        while (buddy.TryAllocate(order, out int frame))
            Assert.True(frames.Add(frame));
        Assert.Equal(Enumerable.Range(0, blocks).Select(i => i << order), frames);
        Assert.Equal(pages - (blocks << order), buddy.FreePages);
    }

    [Fact]
    public void TheLowestHoleThatIsJustLargeEnoughIsTaken()
    {
        BuddyAllocator buddy = new(64);
        for (int frame = 0; frame < 64; frame += 4)
            Assert.True(buddy.TryAllocate(2, out int taken) && taken == frame);
        buddy.Free(40, 2);
        buddy.Free(20, 2);
        buddy.Free(8, 2);
        buddy.Free(12, 2); // Joins with 8 to a block of 8 frames.
        Assert.True(buddy.TryAllocate(2, out int first));
        Assert.True(buddy.TryAllocate(1, out int half));
        Assert.True(buddy.TryAllocate(1, out int otherHalf));
        Assert.True(buddy.TryAllocate(3, out int eight));
        Assert.Equal((20, 40, 42, 8), (first, half, otherHalf, eight)); // The block of 8 is broken last.
        Assert.False(buddy.TryAllocate(0, out _));
    }

    /// <summary>1024 frames in use at random: whoever frees a block can have one of the same size at once.</summary>
    [Fact]
    public void WhatWasFreedCanBeHadAgainAtOnce()
    {
        var random = new Random(Seed);
        BuddyAllocator buddy = new(1024);
        List<(int Frame, int Order)> blocks = [];
        for (int step = 0; step < 20_000; step++)
        {
            if (blocks.Count == 0 || random.Next(2) == 0)
            {
                int order = random.Next(10);
                if (buddy.TryAllocate(order, out int frame))
                    blocks.Add((frame, order));
            }
            else
            {
                int at = random.Next(blocks.Count);
                (int frame, int order) = blocks[at];
                int before = buddy.FreePages;
                buddy.Free(frame, order);
                Assert.True(buddy.TryAllocate(order, out int again));
                Assert.Equal(before, buddy.FreePages);
                blocks[at] = (again, order);
                if (random.Next(2) == 0)
                {
                    buddy.Free(again, order);
                    blocks.RemoveAt(at);
                }
            }

            Assert.Equal(1024 - blocks.Sum(block => 1 << block.Order), buddy.FreePages);
        }

        Assert.Equal(blocks.Sum(block => 1 << block.Order), blocks.SelectMany(block => Enumerable.Range(block.Frame, 1 << block.Order)).Distinct().Count());
    }
}
