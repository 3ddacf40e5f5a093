// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Linux.Tests;

/// <summary>The cheaper way of giving small pages back is chosen by what it has cost.</summary>
public sealed class AttachCostsTests
{
    private static readonly long _dear = Stopwatch.Frequency; // A second: beside it the time that a test itself takes is nothing.

    [Fact]
    public void BothWaysAreTriedBeforeOneIsPreferred()
    {
        var costs = new AttachCosts();
        Assert.True(costs.PrefersCopy(1));
        costs.NoteCopy(1, Ago(_dear));
        Assert.False(costs.PrefersCopy(1));
        Assert.True(costs.PrefersCopy(16)); // Another size is another question.
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TheCheaperWayIsTakenAndTheOtherOneIsTriedNowAndThen(bool isCopyCheaper)
    {
        AttachCosts costs = Known(copy: isCopyCheaper ? 0 : _dear, move: isCopyCheaper ? _dear : 0);
        int copies = Enumerable.Range(0, 1024).Count(_ => costs.PrefersCopy(16));
        Assert.Equal(isCopyCheaper ? 1020 : 4, copies);
    }

    [Fact]
    public void WhatHasToBeFilledOrDroppedBelongsToThePrice()
    {
        AttachCosts costs = Known(copy: _dear / 10, move: _dear / 5);
        Assert.True(costs.PrefersCopy(16));
        costs.NoteDrop(Ago(_dear)); // For the 16 pages that were copied.
        Assert.False(costs.PrefersCopy(16));
        costs.NoteMove(16, Ago(0), fillTicks: 20 * _dear);
        Assert.True(costs.PrefersCopy(16));
    }

    [Fact]
    public void PricesFollowTheMachine()
    {
        AttachCosts costs = Known(copy: _dear, move: _dear / 10);
        Assert.False(costs.PrefersCopy(16));
        for (int i = 0; i < 40; i++)
            costs.NoteMove(16, Ago(10 * _dear), fillTicks: 0);
        Assert.True(costs.PrefersCopy(16));
    }

    private static AttachCosts Known(long copy, long move)
    {
        var costs = new AttachCosts();
        costs.NoteCopy(16, Ago(copy));
        costs.NoteMove(16, Ago(move), fillTicks: 0);
        return costs;
    }

    private static long Ago(long ticks) => Stopwatch.GetTimestamp() - ticks;
}
