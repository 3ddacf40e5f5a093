// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Tests;

/// <summary>Known answers for windows in an interval tree: what is refused, found, cut, joined, made smaller; and a long random run against a plain table.</summary>
public sealed class WindowSetTests
{
    private const ulong Top = ulong.MaxValue - 1; // Intervals are half open: the very last address cannot be in one.
    private const int Seed = 7_001;

    private readonly WindowSet _windows = new();

    [Fact]
    public void AnEmptyTreeFindsNothing()
    {
        Assert.Null(_windows.Find(0));
        Assert.Null(_windows.Find(Top));
        Assert.Null(_windows.FindFirst(0, Top));
        Assert.Null(_windows.Tree.FindLast(WindowSet.Of(0, Top)));
        Assert.Equal([(0UL, Top)], _windows.Holes(0, Top));
        Assert.False(_windows.TryRemove(0));
        Assert.False(_windows.TryMerge(0, next: true));
    }

    /// <summary>[10, 20] is there; every way to meet it is refused, every way to miss it is not.</summary>
    [Theory]
    [InlineData(10UL, 20UL, false)]
    [InlineData(10UL, 10UL, false)]
    [InlineData(20UL, 20UL, false)]
    [InlineData(15UL, 15UL, false)]
    [InlineData(11UL, 19UL, false)]
    [InlineData(10UL, 19UL, false)]
    [InlineData(11UL, 20UL, false)]
    [InlineData(0UL, 10UL, false)]
    [InlineData(0UL, 15UL, false)]
    [InlineData(0UL, 20UL, false)]
    [InlineData(0UL, 30UL, false)]
    [InlineData(10UL, 30UL, false)]
    [InlineData(15UL, 30UL, false)]
    [InlineData(20UL, 30UL, false)]
    [InlineData(0UL, Top, false)]
    [InlineData(0UL, 9UL, true)]
    [InlineData(9UL, 9UL, true)]
    [InlineData(21UL, 21UL, true)]
    [InlineData(21UL, Top, true)]
    public void AWindowIsRefusedExactlyWhereItWouldMeetAnother(ulong first, ulong last, bool added)
    {
        Assert.True(_windows.TryAdd(10, 20));
        Assert.Equal(added, _windows.TryAdd(first, last));
        Assert.Equal(added ? 2 : 1, _windows.Tree.Count);
        Assert.Equal((10UL, 20UL), _windows.Find(10));
        Assert.Equal((10UL, 20UL), _windows.Find(20));
        if (added)
            Assert.Equal((first, last), _windows.Find(first));
    }

    [Fact]
    public void BothEndsOfTheAddressSpaceCanBeUsed()
    {
        Assert.True(_windows.TryAdd(0, 0));
        Assert.True(_windows.TryAdd(Top, Top));
        Assert.False(_windows.TryAdd(0, Top));
        Assert.Equal((0UL, 0UL), _windows.Find(0));
        Assert.Equal((Top, Top), _windows.Find(Top));
        Assert.Null(_windows.Find(1));
        Assert.Equal([(1UL, Top - 1)], _windows.Holes(0, Top));
        Assert.True(_windows.TryAdd(1, Top - 1));
        Assert.Empty(_windows.Holes(0, Top));
        Assert.Equal([(0UL, 0UL), (1UL, Top - 1), (Top, Top)], _windows.Walk(0, Top));
    }

    [Fact]
    public void GapsAreFilledOneByOne()
    {
        foreach (ulong even in (ulong[])[0, 2, 4, 6])
            Assert.True(_windows.TryAdd(even, even));
        Assert.Equal([(1UL, 1UL), (3UL, 3UL), (5UL, 5UL), (7UL, 9UL)], _windows.Holes(0, 9));
        foreach (ulong odd in (ulong[])[3, 1, 5])
        {
            Assert.Null(_windows.Find(odd));
            Assert.False(_windows.TryAdd(odd - 1, odd));
            Assert.False(_windows.TryAdd(odd, odd + 1));
            Assert.True(_windows.TryAdd(odd, odd));
            Assert.False(_windows.TryAdd(odd, odd));
        }

        Assert.Empty(_windows.Holes(0, 6));
        Assert.Equal([.. Enumerable.Range(0, 7).Select(i => ((ulong)i, (ulong)i))], _windows.Walk(0, 10));
    }

    [Fact]
    public void ASplitWindowIsFoundInItsParts()
    {
        Assert.True(_windows.TryAdd(0, 2));
        Assert.False(_windows.TrySplit(2)); // Nothing would be left behind.
        Assert.False(_windows.TrySplit(3)); // Not in it.
        Assert.True(_windows.TrySplit(0));
        Assert.Equal([(0UL, 0UL), (1UL, 2UL)], _windows.Walk(0, 2));
        Assert.True(_windows.TrySplit(1));
        Assert.Equal([(0UL, 0UL), (1UL, 1UL), (2UL, 2UL)], _windows.Walk(0, 2));
        Assert.False(_windows.TrySplit(1));
        Assert.True(_windows.TryAdd(100, 111));
        Assert.True(_windows.TrySplit(103));
        Assert.True(_windows.TrySplit(107));
        Assert.Equal([(100UL, 103UL), (104UL, 107UL), (108UL, 111UL)], _windows.Walk(100, 111));
        Assert.Equal((104UL, 107UL), _windows.Find(104));
        Assert.Equal((108UL, 111UL), _windows.FindFirst(108, 500));
    }

    [Fact]
    public void WindowsJoinOnlyWhereTheyTouch()
    {
        Assert.True(_windows.TryAdd(0, 0));
        Assert.False(_windows.TryMerge(0, next: false));
        Assert.False(_windows.TryMerge(0, next: true));
        Assert.True(_windows.TryAdd(2, 2));
        Assert.False(_windows.TryMerge(0, next: true)); // 1 lies between.
        Assert.False(_windows.TryMerge(2, next: false));
        Assert.True(_windows.TryAdd(1, 1));
        Assert.True(_windows.TryMerge(1, next: false));
        Assert.Equal([(0UL, 1UL), (2UL, 2UL)], _windows.Walk(0, 9));
        Assert.True(_windows.TryMerge(0, next: true));
        Assert.Equal([(0UL, 2UL)], _windows.Walk(0, 9));
        Assert.Equal((0UL, 2UL), _windows.Find(1));
        Assert.False(_windows.TryMerge(5, next: true));
    }

    [Fact]
    public void AWindowMadeSmallerLeavesHolesThatCanBeUsed()
    {
        Assert.True(_windows.TryAdd(0, 20));
        _windows.Shrink(10, 5, 15);
        Assert.Null(_windows.Find(4));
        Assert.Equal((5UL, 15UL), _windows.Find(5));
        Assert.Equal((5UL, 15UL), _windows.Find(15));
        Assert.Null(_windows.Find(16));
        Assert.True(_windows.TryAdd(0, 4));
        Assert.True(_windows.TryAdd(16, 20));
        _windows.Shrink(10, 10, 10);
        Assert.Equal([(0UL, 4UL), (10UL, 10UL), (16UL, 20UL)], _windows.Walk(0, 20));
        Assert.Equal([(5UL, 9UL), (11UL, 15UL)], _windows.Holes(0, 20));
        Assert.Equal((10UL, 10UL), _windows.FindFirst(5, 15));
        Assert.Null(_windows.FindFirst(11, 15));
        Assert.Equal([(0UL, 4UL), (10UL, 10UL)], _windows.Walk(4, 15));
    }

    /// <summary>Adds, removals, splits, joins and collisions, address by address against a table of who is where.</summary>
    [Fact]
    public void ALongRandomRunAgreesWithATable()
    {
        const int Size = 200;
        var random = new Random(Seed);
        int[] owner = new int[Size]; // 0 is free.
        int owners = 0;
        int collisions = 0;
        for (int step = 0; step < 20_000; step++)
        {
            int first = random.Next(Size);
            int last = Math.Min(Size - 1, first + random.Next(1, 20) - 1);
            int end = last + 1;
            int owned = owner[first];
            int ownedEnd = owned == 0 ? 0 : Array.LastIndexOf(owner, owned) + 1;
            switch (random.Next(5))
            {
                case 0 or 1:
                    bool isFree = !owner.AsSpan(first, end - first).ContainsAnyExcept(0);
                    collisions += isFree ? 0 : 1;
                    Assert.Equal(isFree, _windows.TryAdd((ulong)first, (ulong)last));
                    if (isFree)
                        owner.AsSpan(first, end - first).Fill(++owners);
                    break;
                case 2 when random.Next(3) == 0:
                    Assert.Equal(owned != 0, _windows.TryRemove((ulong)first));
                    owner.AsSpan().Replace(owned, 0);
                    break;
                case 3:
                    bool canSplit = owned != 0 && ownedEnd > first + 1;
                    Assert.Equal(canSplit, _windows.TrySplit((ulong)first));
                    if (canSplit)
                        owner.AsSpan(first + 1, ownedEnd - first - 1).Fill(++owners);
                    break;
                case 4:
                    bool canMerge = owned != 0 && ownedEnd < Size && owner[ownedEnd] != 0;
                    Assert.Equal(canMerge, _windows.TryMerge((ulong)first, next: true));
                    if (canMerge)
                        owner.AsSpan().Replace(owner[ownedEnd], owned);
                    break;
            }

            int probe = random.Next(Size);
            (ulong First, ulong Last)? expected = owner[probe] == 0 ? null : ((ulong)Array.IndexOf(owner, owner[probe]), (ulong)Array.LastIndexOf(owner, owner[probe]));
            Assert.Equal(expected, _windows.Find((ulong)probe));
            if (step % 50 != 0)
                continue;
            List<(ulong First, ulong Last)> all = [.. owner.Where(who => who != 0).Distinct().Select(who => ((ulong)Array.IndexOf(owner, who), (ulong)Array.LastIndexOf(owner, who)))];
            Assert.Equal(all, _windows.Walk(0, Size));
            TreeShape.AssertSame(_windows.Tree, [.. all.Select(window => _windows.Tree.Find(new VirtualAddress(window.First))!)]);
        }

        Assert.True(collisions > 1000, "the run shows little of collisions");
    }
}
