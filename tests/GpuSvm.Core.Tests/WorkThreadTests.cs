// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Tests;

/// <summary>A thread that waits for work does what it was woken for, once for all wakes before, and ends.</summary>
public sealed class WorkThreadTests
{
    private static readonly TimeSpan _long = TimeSpan.FromSeconds(60);

    [Fact]
    public void WakesBeforeTheStartAreNotLost()
    {
        using var done = new SemaphoreSlim(0);
        var thread = new WorkThread("test", () => done.Release());
        thread.Wake();
        thread.Wake();
        thread.Start();
        thread.Start();
        Assert.True(done.Wait(_long));
        thread.Close();
        Assert.Equal(0, done.CurrentCount);
    }

    [Fact]
    public void AWakeWhileItWorksHasItWorkOnceMore()
    {
        using var begun = new SemaphoreSlim(0);
        using var mayEnd = new SemaphoreSlim(0);
        var thread = new WorkThread("test", () =>
        {
            begun.Release();
            mayEnd.Wait();
        });
        thread.Start();
        thread.Wake();
        Assert.True(begun.Wait(_long));
        thread.Wake();
        thread.Wake();
        mayEnd.Release(2);
        Assert.True(begun.Wait(_long));
        thread.Close();
        Assert.Equal(0, begun.CurrentCount);
    }

    [Fact]
    public void TheEndWaitsForTheWorkAndTellsItToBeShort()
    {
        using var begun = new SemaphoreSlim(0);
        bool sawEnd = false;
        WorkThread? thread = null;
        thread = new WorkThread("test", () =>
        {
            begun.Release();
            SpinWait.SpinUntil(() => thread!.IsClosed);
            sawEnd = true;
        });
        thread.Start();
        thread.Wake();
        Assert.True(begun.Wait(_long));
        thread.Close();
        Assert.True(sawEnd);
    }

    [Fact]
    public void OneThatWasNeverStartedEnds()
    {
        var thread = new WorkThread("test", () => Assert.Fail("nobody has started it"));
        thread.Wake();
        thread.Close();
    }
}
