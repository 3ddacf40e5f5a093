// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Studies;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Tests;

/// <summary>Which share a process runs, by what the user and schedulers say.</summary>
public sealed class SchedulerShareTests
{
    /// <summary>Finds the share; variables are "NAME=value" with blanks between.</summary>
    private static StudyShare Find(string variables, string? share = null, string? shares = null)
    {
        var known = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split('=')).ToDictionary(
            pair => pair[0] switch { "id" or "min" or "max" or "count" or "step" => $"SLURM_ARRAY_TASK_{pair[0].ToUpperInvariant()}", "index" => "JOB_COMPLETION_INDEX", "n" => "GPUSVM_SHARES", var name => name },
            pair => pair[1]);
        return SchedulerShare.Find(share, shares, name => known.GetValueOrDefault(name)).Share;
    }

    [Theory]
    [InlineData("", null, null, 0, 1)]
    [InlineData("", "2/8", null, 1, 8)]
    [InlineData("id=3 min=0 max=7 count=8 step=1", null, null, 3, 8)]
    [InlineData("id=7 min=1 max=9 count=5 step=2", null, null, 3, 5)]
    [InlineData("id=3 min=0 max=7 count=8", null, null, 3, 8)] // The step is 1 where nobody says it.
    [InlineData("id=5 min=3 max=5 count=2 step=2", null, "8", 5, 8)] // A part of an array, submitted again.
    [InlineData("id=5 min=5 max=5 count=1 step=1 n=8", null, null, 5, 8)]
    [InlineData("index=2 n=4", null, null, 2, 4)]
    [InlineData("index=2", null, "4", 2, 4)]
    [InlineData("id=3 min=0 max=7 count=8 step=1", "1/1", null, 0, 1)] // Said by hand, it counts.
    public void TheShareIsWhatIsSaid(string variables, string? share, string? shares, int number, int count)
        => Assert.Equal(new StudyShare(number, count), Find(variables, share, shares));

    [Theory]
    [InlineData("", "0/8", null, "as in 2/8")]
    [InlineData("", "9/8", null, "as in 2/8")]
    [InlineData("", "2", null, "as in 2/8")]
    [InlineData("", "2/8", "8", "leave --shares 8 out")]
    [InlineData("", null, "8", "no scheduler says which")]
    [InlineData("n=8", null, null, "no scheduler says which")]
    [InlineData("n=x index=1", null, null, "not a whole number")]
    [InlineData("n=8 index=1", null, "4", "contradicts GPUSVM_SHARES")]
    [InlineData("index=1", null, null, "set GPUSVM_SHARES in the manifest")]
    [InlineData("index=4 n=4", null, null, "the last has the number 3")]
    [InlineData("index=one n=4", null, null, "no number")]
    [InlineData("index=1 id=1 n=4", null, null, "both a Slurm array and a Kubernetes job")]
    [InlineData("id=1", null, null, "SLURM_ARRAY_TASK_MIN is not set")]
    [InlineData("id=3 min=1 max=7 count=3 step=1", null, null, "number the array in one piece")] // --array=1,3,7
    [InlineData("id=4 min=1 max=7 count=4 step=2", null, null, "says no share")]
    [InlineData("id=9 min=0 max=7 count=8 step=1", null, null, "says no share")]
    [InlineData("id=1 min=0 max=7 count=8 step=0", null, null, "says no share")]
    [InlineData("id=8 min=8 max=8 count=1", null, "8", "submit with --array=0-7")]
    [InlineData("id=-1 min=0 max=7 count=8", null, null, "no number")]
    public void WhatIsWrongOrContradictsItselfIsRefusedWithTheRemedy(string variables, string? share, string? shares, string remedy)
        => Assert.Contains(remedy, Assert.Throws<InputException>(() => Find(variables, share, shares)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(10, 3)]
    [InlineData(2, 5)]
    [InlineData(0, 2)]
    public void SharesHaveEverythingOnceAndAreAlikeInSize(int all, int count)
    {
        int[] items = [.. Enumerable.Range(100, all)];
        var shares = Enumerable.Range(0, count).Select(number => new StudyShare(number, count).Of(items).ToArray()).ToArray();
        Assert.Equal(items.Select((item, index) => (index, item)), shares.SelectMany(share => share).Order());
        Assert.True(shares.Max(share => share.Length) - shares.Min(share => share.Length) <= 1);
    }
}
