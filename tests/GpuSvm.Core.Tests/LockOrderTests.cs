// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Tests;

/// <summary>The lock-order checker itself.</summary>
public sealed class LockOrderTests
{
    [Fact]
    public void TakingAnOuterLockInsideAnInnerOneFailsAndNamesBoth()
    {
        var outer = new RankedLock(LockRank.Range, "the range");
        var inner = new RankedReaderWriterLock(LockRank.Notifier, "the notifier");
        using (inner.EnterRead())
        using (AllocationWatch.Pause())
        {
            var error = Assert.Throws<LockOrderException>(() => outer.Enter().Dispose());
            Assert.Contains("the range", error.Message, StringComparison.Ordinal);
            Assert.Contains("the notifier", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, LockOrder.HeldCount);
    }

    [Fact]
    public void EveryPairOfRanksIsAllowedInExactlyOneOrder()
    {
        LockRank[] ranks = Enum.GetValues<LockRank>();
        foreach (LockRank first in ranks)
        {
            foreach (LockRank second in ranks)
            {
                var a = new RankedLock(first, "a");
                var b = new RankedLock(second, "b");
                using (a.Enter())
                using (AllocationWatch.Pause())
                {
                    if (second > first)
                        b.Enter().Dispose();
                    else
                        Assert.Throws<LockOrderException>(() => b.Enter().Dispose());
                }
            }
        }
    }

    [Fact]
    public void AssertHeldKnowsReadFromWrite()
    {
        var rw = new RankedReaderWriterLock(LockRank.Vm, "vm");
        Assert.Throws<LockOrderException>(rw.AssertHeld);
        using (rw.EnterRead())
        using (AllocationWatch.Pause())
        {
            rw.AssertHeld();
            Assert.Throws<LockOrderException>(rw.AssertHeldWrite);
        }

        using (rw.EnterWrite())
        using (AllocationWatch.Pause())
            rw.AssertHeldWrite();
    }

    [Fact]
    public void WhatMayWaitRefusesToRunUnderTheNotifierLock()
    {
        var notifier = new RankedReaderWriterLock(LockRank.Notifier, "notifier");
        using (notifier.EnterWrite())
        using (AllocationWatch.Pause())
            Assert.Throws<LockOrderException>(() => LockOrder.AssertNothingAtOrBelow(LockRank.Notifier));
        LockOrder.AssertNothingAtOrBelow(LockRank.Notifier);
    }
}
